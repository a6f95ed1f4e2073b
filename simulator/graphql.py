"""GitHub's GraphQL API, executed by graphql-core against a world.

The schema is a small part of GitHub's own; the whole one serves as well, with the same resolvers.
`databaseId` is a 32-bit Int in GitHub's schema. What GitHub does with an id beyond it is not
known, so by default the simulator does what the GraphQL specification says: null, and an error.
"""

import base64
import gzip
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    execute_sync,
    parse,
    validate,
    value_from_ast_untyped,
)

from simulator.cost import NODE_LIMIT, Estimate, Estimator
from simulator.faults import Fault, FaultKind
from simulator.limits import CostModel, RateStatus
from simulator.messages import Call
from simulator.node_ids import NodeType, decode, encode
from simulator.rest import timestamp
from simulator.world import Account, AccountType, Counts, Repository, World

SMALL_SCHEMA = Path(__file__).with_name("schema.graphql")
CACHED_DOCUMENTS = 512
MOST_NODE_IDS = 100
LARGEST_PAGE = 100


class LargeIds(StrEnum):
    """What becomes of a databaseId that does not fit 32 bits."""

    NULL = "null"
    """Null with an error, as GraphQL's specification has it."""
    NUMBER = "number"
    """The number all the same, as if GitHub had widened the type."""


class TypedError(Exception):
    """An error as GitHub words it, with a type that its schema does not know."""

    def __init__(self, kind: str, message: str, **extensions: Any) -> None:
        super().__init__(message)
        self.kind = kind
        self.extensions = extensions


@dataclass(frozen=True)
class Prepared:
    """A document that was parsed and validated once."""

    document: DocumentNode | None
    operations: dict[str | None, OperationDefinitionNode]
    fragments: dict[str, FragmentDefinitionNode]
    errors: list[dict[str, Any]]


@dataclass(frozen=True)
class Plan:
    """A query, ready to be priced and executed."""

    prepared: Prepared
    operation: OperationDefinitionNode | None
    operation_name: str | None
    variables: dict[str, Any]
    estimate: Estimate
    cost: int
    dry_run: bool
    errors: list[dict[str, Any]]
    bad_request: str | None = None


@dataclass
class Context:
    """What resolvers know of the query at hand."""

    world: World
    call: Call
    plan: Plan
    rate: RateStatus
    force_new_ids: bool
    faults: dict[FaultKind, list[Fault]] = field(default_factory=dict)


Info = GraphQLResolveInfo[Context]


class GraphQLApi:
    """Answers GraphQL queries from a world. The caller holds the world's lock."""

    def __init__(
        self,
        world: World,
        schema: Path | None = None,
        cost_model: CostModel = CostModel.UPPER,
        large_ids: LargeIds = LargeIds.NULL,
    ) -> None:
        self._world = world
        self._schema = load_schema(schema or SMALL_SCHEMA, large_ids)
        self.cost_model = cost_model
        self._prepared: OrderedDict[str, Prepared] = OrderedDict()

    def plan(self, body: bytes) -> Plan:
        """Read a request's body, and price its query."""
        try:
            content = orjson.loads(body)
        except orjson.JSONDecodeError:
            return _refused_plan("Problems parsing JSON")
        if not isinstance(content, dict) or not isinstance(content.get("query"), str):
            return _refused_plan("A query attribute must be specified and must be a string.")
        variables = content.get("variables") or {}
        if not isinstance(variables, dict):
            return _refused_plan("Variables must be an object.")
        name = content.get("operationName")
        prepared = self._prepare(content["query"])
        operation = prepared.operations.get(name)
        errors = prepared.errors
        if operation is None and not errors:
            errors = [{"message": f"No operation named {json.dumps(name)}"}]
        if operation is None or errors:
            return Plan(prepared, None, name, variables, Estimate(), 1, False, errors)
        defaults = {
            definition.variable.name.value: _literal(definition.default_value)
            for definition in operation.variable_definitions or ()
            if definition.default_value is not None
        }
        given = {**defaults, **variables}
        estimate = Estimator(self._schema, prepared.fragments, given).walk(operation)
        if estimate.nodes > NODE_LIMIT:
            message = (
                f"This query requests up to {estimate.nodes:,} possible nodes which exceeds the"
                f" maximum limit of {NODE_LIMIT:,}."
            )
            errors = [{"type": "MAX_NODE_LIMIT_EXCEEDED", "message": message}]
        cost = estimate.cost(self.cost_model)
        dry_run = _is_dry_run(operation, given)
        return Plan(prepared, operation, name, variables, estimate, cost, dry_run, errors)

    def execute(self, plan: Plan, call: Call, rate: RateStatus) -> dict[str, Any]:
        """Execute a query: the content of the answer."""
        if plan.errors or plan.prepared.document is None:
            return {"errors": plan.errors}
        faults: dict[FaultKind, list[Fault]] = {}
        for fault in call.faults:
            faults.setdefault(fault.kind, []).append(fault)
        force = call.headers.get("x-github-next-global-id") == "1"
        context = Context(self._world, call, plan, rate, force, faults)
        if plan.dry_run:
            return {"data": _dry_run(plan, context)}
        result = execute_sync(
            self._schema,
            plan.prepared.document,
            context_value=context,
            variable_values=plan.variables,
            operation_name=plan.operation_name,
            field_resolver=_resolve_field,
            type_resolver=_resolve_type,
        )
        content: dict[str, Any] = {"data": result.data}
        if result.data is None and result.errors and not result.errors[0].path:
            del content["data"]
        if result.errors:
            content["errors"] = [_format(error) for error in result.errors]
        return _changed(content, faults)

    def _prepare(self, query: str) -> Prepared:
        prepared = self._prepared.get(query)
        if prepared is not None:
            self._prepared.move_to_end(query)
            return prepared
        prepared = self._parse(query)
        self._prepared[query] = prepared
        if len(self._prepared) > CACHED_DOCUMENTS:
            self._prepared.popitem(last=False)
        return prepared

    def _parse(self, query: str) -> Prepared:
        try:
            document = parse(query, no_location=False)
        except GraphQLError as error:
            return Prepared(None, {}, {}, [_format(error)])
        errors = validate(self._schema, document)
        operations: dict[str | None, OperationDefinitionNode] = {}
        fragments = {}
        for definition in document.definitions:
            if isinstance(definition, OperationDefinitionNode):
                operations[definition.name.value if definition.name else None] = definition
            elif isinstance(definition, FragmentDefinitionNode):
                fragments[definition.name.value] = definition
        if len(operations) == 1:
            operations.setdefault(None, next(iter(operations.values())))
        return Prepared(document, operations, fragments, [_format(error) for error in errors])


def _refused_plan(message: str) -> Plan:
    nothing = Prepared(None, {}, {}, [])
    return Plan(nothing, None, None, {}, Estimate(), 1, False, [], bad_request=message)


# The schema


@cache
def load_schema(path: Path, large_ids: LargeIds = LargeIds.NULL) -> GraphQLSchema:
    """A schema from a file, plain or gzipped, with resolvers in place; built once."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    if large_ids is LargeIds.NUMBER:
        text = text.replace("databaseId: Int\n", "databaseId: BigInt\n") + "\nscalar BigInt\n"
    schema = build_schema(text, assume_valid=True, no_location=True)
    for type_name, resolvers in RESOLVERS.items():
        kind = schema.get_type(type_name)
        if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
            for field_name, resolver in resolvers.items():
                kind.fields[field_name].resolve = resolver
    return schema


def _resolve_field(source: Any, info: Info, **_arguments: Any) -> Any:
    return source.get(info.field_name)


def _resolve_type(source: Any, *_: Any) -> str:
    kind: str = source["__typename"]
    return kind


# Top-level fields


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
    return _account_view(account, context)


def _repository_owner(_: Any, info: Info, login: str) -> Any:
    context = _enter(info)
    message = f"Could not resolve to a RepositoryOwner with the login of '{login}'"
    _raise_scripted_not_found(context, info, message)
    account = context.world.account(login)
    # Unlike user and organization, this field is null without an error for an unknown login.
    return None if account is None else _account_view(account, context)


def _viewer(_: Any, info: Info) -> Any:
    context = _enter(info)
    account_id = context.call.credential.account_id
    account = None if account_id is None else context.world.account_by_id(account_id)
    if account is None or account.type is not AccountType.USER:
        raise TypedError("FORBIDDEN", "Resource not accessible by integration")
    return _account_view(account, context)


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
        return _repository_view(repository, context)
    account = context.world.account_by_id(number)
    if account is None or NodeType(account.type) is not kind:
        return missing
    try:
        return _account_view(account, context)
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
    view = _repository_view(found, context)
    if isinstance(view, Exception):
        raise view
    return view


def _rate_limit(_: Any, info: Info, **_arguments: Any) -> dict[str, Any]:
    return _rate_view(_enter(info))


def _rate_view(context: Context) -> dict[str, Any]:
    rate = context.rate
    return {
        "__typename": "RateLimit",
        "cost": context.plan.cost,
        "limit": rate.limit,
        "nodeCount": context.plan.estimate.nodes,
        "remaining": rate.remaining,
        "resetAt": timestamp(datetime.fromtimestamp(rate.reset, UTC)),
        "used": rate.used,
    }


def _enter(info: Info) -> Context:
    context: Context = info.context
    return context


def _raise_scripted_not_found(context: Context, info: Info, message: str) -> None:
    for fault in context.faults.get(FaultKind.NOT_FOUND, ()):
        if len(info.path.as_list()) == 1 and fault.alias in {None, info.path.key}:
            raise TypedError("NOT_FOUND", message)


# Accounts and repositories


def _account_view(account: Account, context: Context) -> dict[str, Any]:
    for fault in context.faults.get(FaultKind.SAML, ()):
        if fault.repository is None and fault.login in {None, account.login}:
            raise _saml_error()
    login, name = account.login, account.name
    for fault in context.faults.get(FaultKind.NAME, ()):
        if fault.repository is None and fault.login in {None, account.login}:
            if fault.field == "login":
                login = fault.text or ""
            else:
                name = fault.text
    return {
        "__typename": str(account.type),
        "account": account,
        "avatarUrl": f"https://avatars.githubusercontent.com/u/{account.id}?v=4",
        "createdAt": timestamp(account.created_at),
        "databaseId": account.id,
        "id": encode(NodeType(account.type), account.id, context.force_new_ids),
        "isViewer": account.id == context.call.credential.account_id,
        "login": login,
        "name": name,
        "resourcePath": f"/{account.login}",
        "updatedAt": timestamp(account.created_at),
        "url": f"https://github.com/{account.login}",
    }


def _repository_view(repository: Repository, context: Context) -> dict[str, Any] | Exception:
    if repository.block is not None:
        return TypedError("FORBIDDEN", "Repository access blocked")
    full_name = repository.full_name
    name = repository.name
    counts = context.world.counts(repository.id)
    if context.faults:
        known = repository.id, name, full_name
        for fault in context.faults.get(FaultKind.SAML, ()):
            if fault.repository is not None and fault.concerns_repository(*known):
                return _saml_error()
        for fault in context.faults.get(FaultKind.COUNTS, ()):
            if fault.concerns_repository(*known):
                changed = [fault.field] if fault.field else list(Counts._fields)
                counts = counts._replace(**dict.fromkeys(changed, fault.value))
        for fault in context.faults.get(FaultKind.NAME, ()):
            if fault.login is None and fault.field != "login" and fault.concerns_repository(*known):
                name = fault.text or ""
                full_name = f"{repository.owner.login}/{name}"
    created_at = timestamp(repository.created_at)
    return {
        "__typename": "Repository",
        "repository": repository,
        "counts": counts,
        "createdAt": created_at,
        "databaseId": repository.id,
        "description": repository.description,
        "forkCount": counts.forks,
        "id": encode(NodeType.REPOSITORY, repository.id, context.force_new_ids),
        "isArchived": repository.is_archived,
        "isDisabled": False,
        "isEmpty": False,
        "isFork": repository.is_fork,
        "isPrivate": repository.private,
        "name": name,
        "nameWithOwner": full_name,
        "primaryLanguage": _language(repository.language),
        "pushedAt": created_at,
        "resourcePath": f"/{full_name}",
        "stargazerCount": counts.stargazers,
        "updatedAt": created_at,
        "url": f"https://github.com/{full_name}",
        "visibility": "PRIVATE" if repository.private else "PUBLIC",
    }


def _language(name: str | None) -> dict[str, Any] | None:
    if name is None:
        return None
    return {"__typename": "Language", "id": f"LA_{name}", "name": name, "color": None}


def _owner(source: dict[str, Any], info: Info) -> dict[str, Any]:
    return _account_view(source["repository"].owner, info.context)


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
    return _people(source["counts"].watchers)


def _stargazers(source: dict[str, Any], info: Info, **_: Any) -> dict[str, Any]:
    context: Context = info.context
    repository: Repository = source["repository"]
    account_id = context.call.credential.account_id
    if account_id != repository.owner.id and account_id not in repository.collaborators:
        raise TypedError(
            "FORBIDDEN", "You do not have permission to view the stargazers of this repository"
        )
    return _people(source["counts"].stargazers)


def _people(count: int) -> dict[str, Any]:
    page = {"endCursor": None, "hasNextPage": False, "hasPreviousPage": False, "startCursor": None}
    return {"totalCount": count, "nodes": [], "edges": [], "pageInfo": page}


# The connection of repositories

Key = tuple[str | int, int]


def _repositories(source: dict[str, Any], info: Info, **arguments: Any) -> dict[str, Any]:
    context: Context = info.context
    first, last = _page_size(info, arguments)
    found = _selected(context, source["account"], arguments)
    order = arguments.get("orderBy") or {"field": "CREATED_AT", "direction": "ASC"}
    key = ORDERS[order["field"]](context)
    descending = order["direction"] == "DESC"
    found.sort(key=key, reverse=descending)
    keys = [key(repository) for repository in found]
    total = len(found)
    start, end = 0, total
    if arguments.get("after") is not None:
        after = _read_cursor(arguments["after"])
        start = sum(_before_or_at(k, after, descending) for k in keys)
    if arguments.get("before") is not None:
        before = _read_cursor(arguments["before"])
        end = sum(_before_or_at(k, before, descending) and k != before for k in keys)
    if first is not None:
        end = min(end, start + first)
    elif last is not None:
        start = max(start, end - last)
    page = found[start:end]
    views: list[Any] = [_repository_view(repository, context) for repository in page]
    for fault in context.faults.get(FaultKind.NULL_NODE, ()):
        _remove_node(fault, page, views)
    cursors = [_write_cursor(k) for k in keys[start:end]]
    ends_early = bool(context.faults.get(FaultKind.NO_NEXT_PAGE))
    return {
        "totalCount": total,
        "nodes": views,
        "edges": [{"cursor": c, "node": v} for c, v in zip(cursors, views, strict=True)],
        "pageInfo": {
            "endCursor": cursors[-1] if cursors else None,
            "hasNextPage": end < total and not ends_early,
            "hasPreviousPage": start > 0,
            "startCursor": cursors[0] if cursors else None,
        },
    }


def _page_size(info: Info, arguments: dict[str, Any]) -> tuple[int | None, int | None]:
    first, last = arguments.get("first"), arguments.get("last")
    connection = info.field_name
    for word, size in (("first", first), ("last", last)):
        if size is not None and size > LARGEST_PAGE:
            raise TypedError(
                "EXCESSIVE_PAGINATION",
                f"Requesting {size} records on the `{connection}` connection exceeds the"
                f" `{word}` limit of 100 records.",
            )
        if size is not None and size < 1:
            raise TypedError(
                "INVALID_CURSOR_ARGUMENTS",
                f"`{word}` on the `{connection}` connection cannot be less than 1.",
            )
    if first is None and last is None and not _asks_totals_only(info.field_nodes):
        raise TypedError(
            "MISSING_PAGINATION_BOUNDARIES",
            f"You must provide a `first` or `last` value to properly paginate the"
            f" `{connection}` connection.",
        )
    return first, last


def _asks_totals_only(nodes: Iterable[FieldNode]) -> bool:
    return all(
        isinstance(selection, FieldNode)
        and selection.name.value in {"totalCount", "totalDiskUsage", "__typename"}
        for node in nodes
        if node.selection_set is not None
        for selection in node.selection_set.selections
    )


def _selected(context: Context, account: Account, arguments: dict[str, Any]) -> list[Repository]:
    affiliations = arguments.get("ownerAffiliations") or ["OWNER", "COLLABORATOR"]
    privacy, visibility = arguments.get("privacy"), arguments.get("visibility")
    if privacy is not None and visibility is not None:
        raise TypedError(
            "UNPROCESSABLE", "The privacy and visibility arguments cannot be combined."
        )
    found: list[Repository] = []
    if "OWNER" in affiliations:
        found += context.world.repositories(account)
    if "COLLABORATOR" in affiliations:
        found += context.world.collaborations(account)
    wanted = privacy or visibility
    credential = context.call.credential
    viewer = arguments.get("affiliations")
    fork, archived = arguments.get("isFork"), arguments.get("isArchived")
    return [
        repository
        for repository in found
        if (wanted is None or ("PRIVATE" if repository.private else "PUBLIC") == wanted)
        and (fork is None or repository.is_fork == fork)
        and (archived is None or repository.is_archived == archived)
        and credential.sees(repository)
        and (viewer is None or _affiliated(repository, credential.account_id, viewer))
    ]


def _affiliated(repository: Repository, viewer_id: int | None, wanted: list[str]) -> bool:
    if viewer_id is None:
        return False
    return ("OWNER" in wanted and viewer_id == repository.owner.id) or (
        "COLLABORATOR" in wanted and viewer_id in repository.collaborators
    )


def _by_name(_: Context) -> Callable[[Repository], Key]:
    return lambda repository: (repository.name.lower(), repository.id)


def _by_creation(_: Context) -> Callable[[Repository], Key]:
    return lambda repository: (timestamp(repository.created_at), repository.id)


def _by_stargazers(context: Context) -> Callable[[Repository], Key]:
    return lambda repository: (context.world.counts(repository.id).stargazers, repository.id)


ORDERS: dict[str, Callable[[Context], Callable[[Repository], Key]]] = {
    "NAME": _by_name,
    "CREATED_AT": _by_creation,
    "UPDATED_AT": _by_creation,
    "PUSHED_AT": _by_creation,
    "STARGAZERS": _by_stargazers,
}


def _before_or_at(key: Key, mark: Key, descending: bool) -> bool:
    try:
        return key >= mark if descending else key <= mark
    except TypeError as error:
        raise _bad_cursor(str(mark)) from error


def _write_cursor(key: Key) -> str:
    return base64.b64encode(b"cursor:v2:" + orjson.dumps(key)).decode()


def _read_cursor(cursor: str) -> Key:
    try:
        raw = base64.b64decode(cursor, validate=True)
        value, number = orjson.loads(raw.removeprefix(b"cursor:v2:"))
    except (ValueError, TypeError) as error:
        raise _bad_cursor(cursor) from error
    return value, number


def _bad_cursor(cursor: str) -> TypedError:
    return TypedError(
        "INVALID_CURSOR_ARGUMENTS", f"`{cursor}` does not appear to be a valid cursor."
    )


def _remove_node(fault: Fault, page: list[Repository], views: list[Any]) -> None:
    if fault.repository is None:
        if fault.index < len(views):
            views[fault.index] = None
        return
    for position, repository in enumerate(page):
        if fault.concerns_repository(repository.id, repository.name, repository.full_name):
            views[position] = None


# Answers


def _saml_error() -> TypedError:
    return TypedError(
        "FORBIDDEN",
        "Resource protected by organization SAML enforcement. You must grant your OAuth token"
        " access to this organization.",
        saml_failure=True,
    )


def _format(error: GraphQLError) -> dict[str, Any]:
    original = error.original_error
    formatted: dict[str, Any] = {}
    if isinstance(original, TypedError):
        formatted["type"] = original.kind
        if original.extensions:
            formatted["extensions"] = original.extensions
    if error.path:
        formatted["path"] = error.path
    if error.locations:
        formatted["locations"] = [
            {"line": location.line, "column": location.column} for location in error.locations
        ]
    formatted["message"] = error.message
    return formatted


def _changed(content: dict[str, Any], faults: dict[FaultKind, list[Fault]]) -> dict[str, Any]:
    data = content.get("data")
    if not data:
        return content
    aliases = [alias for alias in data if alias != "rateLimit"]
    for fault in faults.get(FaultKind.RESOURCE_LIMITS, ()):
        alias = fault.alias or aliases[-1]
        data[alias] = None
        content.setdefault("errors", []).append(
            {
                "type": "RESOURCE_LIMITS_EXCEEDED",
                "path": [alias],
                "message": "Resource limits for this query exceeded.",
            }
        )
    for fault in faults.get(FaultKind.MISSING_ALIAS, ()):
        data.pop(fault.alias or aliases[-1], None)
    return content


def _top_level_fields(operation: OperationDefinitionNode) -> list[FieldNode]:
    return [s for s in operation.selection_set.selections if isinstance(s, FieldNode)]


def _is_dry_run(operation: OperationDefinitionNode, variables: dict[str, Any]) -> bool:
    return any(
        argument.name.value == "dryRun" and _literal(argument.value, variables) is True
        for node in _top_level_fields(operation)
        if node.name.value == "rateLimit"
        for argument in node.arguments or ()
    )


def _dry_run(plan: Plan, context: Context) -> dict[str, Any]:
    """The rateLimit fields alone: nothing else is evaluated."""
    view = _rate_view(context)
    data = {}
    for node in _top_level_fields(plan.operation) if plan.operation else ():
        if node.name.value == "rateLimit" and node.selection_set is not None:
            asked = [s for s in node.selection_set.selections if isinstance(s, FieldNode)]
            values = {s.alias.value if s.alias else s.name.value: view[s.name.value] for s in asked}
            data[node.alias.value if node.alias else "rateLimit"] = values
    return data


def _literal(node: Any, variables: dict[str, Any] | None = None) -> Any:
    return value_from_ast_untyped(node, variables)


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
    "User": {"repositories": _repositories, "repository": _repository},
    "Organization": {"repositories": _repositories, "repository": _repository},
    "Repository": {"owner": _owner, "stargazers": _stargazers, "watchers": _watchers},
}
