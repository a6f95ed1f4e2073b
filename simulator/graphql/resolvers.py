"""The resolvers of the schema's fields."""

from collections.abc import Callable
from typing import Any

from simulator.entities import AccountType, Repository
from simulator.faults import FaultKind
from simulator.graphql.context import Context, Info
from simulator.graphql.errors import TypedError
from simulator.graphql.releases import releases
from simulator.graphql.repositories import repositories
from simulator.graphql.views import account_view, people, rate_view, repository_view
from simulator.node_ids import NodeType, decode

MOST_NODE_IDS = 100


def resolve_field(source: Any, info: Info, **_arguments: Any) -> Any:
    """Return a field of a view; the resolver of all fields without one of their own."""
    return source.get(info.field_name)


def resolve_type(source: Any, *_: Any) -> str:
    """Return the name of a view's type."""
    kind: str = source["__typename"]
    return kind


def _user(_: Any, info: Info, login: str) -> Any:
    return _account_of_type(info, login, AccountType.USER)


def _organization(_: Any, info: Info, login: str) -> Any:
    return _account_of_type(info, login, AccountType.ORGANIZATION)


def _account_of_type(info: Info, login: str, kind: AccountType) -> Any:
    context = _enter(info)
    article = "a User" if kind is AccountType.USER else "an Organization"
    message = f"Could not resolve to {article} with the login of '{login}'"
    _raise_scripted_not_found(context, info, message)
    account = context.world.account(login)
    if account is None or account.type is not kind:
        raise TypedError("NOT_FOUND", message)
    return account_view(account, context)


def _repository_owner(_: Any, info: Info, login: str) -> Any:
    context = _enter(info)
    message = f"Could not resolve to a RepositoryOwner with the login of '{login}'"
    _raise_scripted_not_found(context, info, message)
    account = context.world.account(login)
    # Unlike user and organization, this field is null without an error for an unknown login.
    return None if account is None else account_view(account, context)


def _viewer(_: Any, info: Info) -> Any:
    context = _enter(info)
    account_id = context.call.credential.account_id
    account = None if account_id is None else context.world.account_by_id(account_id)
    if account is None or account.type is not AccountType.USER:
        raise TypedError("FORBIDDEN", "Resource not accessible by integration")
    return account_view(account, context)


def _node(_: Any, info: Info, id: str) -> Any:  # noqa: A002 - GitHub's own word
    context = _enter(info)
    found = _node_view(id, context, info)
    if isinstance(found, Exception):
        raise found
    return found


def _nodes(_: Any, info: Info, ids: list[str]) -> Any:
    context = _enter(info)
    if len(ids) > MOST_NODE_IDS:
        raise TypedError(
            "ARGUMENT_LIMIT",
            f"You may not provide more than 100 node ids; you provided {len(ids)}.",
        )
    # graphql-core raises an exception that it meets in a list, at its place in the list.
    return [_node_view(node_id, context, info) for node_id in ids]


def _node_view(node_id: str, context: Context, info: Info) -> dict[str, Any] | Exception:
    missing = TypedError(
        "NOT_FOUND", f"Could not resolve to a node with the global id of '{node_id}'"
    )
    _raise_scripted_not_found(context, info, str(missing))
    decoded = decode(node_id)
    if decoded is None:
        return missing
    kind, number = decoded
    if kind is NodeType.REPOSITORY:
        repository = context.world.repository_by_id(number)
        if repository is None or not context.call.credential.sees(repository):
            return missing
        return repository_view(repository, context)
    account = context.world.account_by_id(number)
    if account is None or NodeType(account.type) is not kind:
        return missing
    try:
        return account_view(account, context)
    except TypedError as error:
        return error


def _repository(
    source: dict[str, Any] | None,
    info: Info,
    name: str,
    owner: str | None = None,
    followRenames: bool = True,  # noqa: N803 - GitHub's own word
) -> Any:
    context = _enter(info)
    login = owner if source is None else source["login"]
    message = f"Could not resolve to a Repository with the name '{login}/{name}'."
    _raise_scripted_not_found(context, info, message)
    found = context.world.repository(login or "", name)
    if found is None and followRenames:
        found = context.world.redirect(login or "", name)
    if found is None or not context.call.credential.sees(found):
        raise TypedError("NOT_FOUND", message)
    view = repository_view(found, context)
    if isinstance(view, Exception):
        raise view
    return view


def _rate_limit(_: Any, info: Info, **_arguments: Any) -> dict[str, Any] | None:
    return rate_view(_enter(info))


def _enter(info: Info) -> Context:
    context: Context = info.context
    return context


def _raise_scripted_not_found(context: Context, info: Info, message: str) -> None:
    for fault in context.faults.get(FaultKind.NOT_FOUND, ()):
        if len(info.path.as_list()) == 1 and fault.alias in {None, info.path.key}:
            raise TypedError("NOT_FOUND", message)


def _owner(source: dict[str, Any], info: Info) -> dict[str, Any]:
    return account_view(source["repository"].owner, info.context)


def _watchers(source: dict[str, Any], info: Info, **_: Any) -> dict[str, Any]:
    context: Context = info.context
    if context.faults:
        repository: Repository = source["repository"]
        for fault in context.faults.get(FaultKind.FORBIDDEN_WATCHERS, ()):
            if fault.concerns_repository(repository.id, repository.name, repository.full_name):
                raise TypedError(
                    "FORBIDDEN",
                    "You do not have permission to view the watchers of this repository",
                )
    return people(source["counts"].watchers)


def _stargazers(source: dict[str, Any], info: Info, **_: Any) -> dict[str, Any]:
    context: Context = info.context
    repository: Repository = source["repository"]
    account_id = context.call.credential.account_id
    if account_id != repository.owner.id and account_id not in repository.collaborators:
        raise TypedError(
            "FORBIDDEN", "You do not have permission to view the stargazers of this repository"
        )
    return people(source["counts"].stargazers)


RESOLVERS: dict[str, dict[str, Callable[..., Any]]] = {
    "Query": {
        "node": _node,
        "nodes": _nodes,
        "organization": _organization,
        "rateLimit": _rate_limit,
        "repository": _repository,
        "repositoryOwner": _repository_owner,
        "user": _user,
        "viewer": _viewer,
    },
    "User": {"repositories": repositories, "repository": _repository},
    "Organization": {"repositories": repositories, "repository": _repository},
    "Repository": {
        "owner": _owner,
        "releases": releases,
        "stargazers": _stargazers,
        "watchers": _watchers,
    },
}
