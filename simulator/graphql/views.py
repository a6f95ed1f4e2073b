"""Accounts, repositories and limits as the fields of GitHub's GraphQL types."""

from datetime import UTC, datetime
from typing import Any

from simulator import policies
from simulator.entities import Account, Counts, Repository
from simulator.faults import FaultKind
from simulator.graphql.context import Context
from simulator.graphql.errors import TypedError, saml_error
from simulator.messages import timestamp
from simulator.node_ids import NodeType, encode


def account_view(account: Account, context: Context) -> dict[str, Any]:
    """Return the fields of a user or an organisation."""
    for fault in context.faults.get(FaultKind.SAML, ()):
        if fault.repository is None and fault.login in {None, account.login}:
            raise saml_error()
    policy = policies.policy_of(context.call, account)
    if policy is not None:
        more = {"saml_failure": True} if policy.text == policies.SAML else {}
        raise TypedError("FORBIDDEN", policies.message(policy, account), **more)
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
        "url": f"{context.call.pages}/{account.login}",
    }


def repository_view(repository: Repository, context: Context) -> dict[str, Any] | Exception:
    """Return the fields of a repository, or the error that takes its place."""
    if repository.block is not None:
        return TypedError("FORBIDDEN", "Repository access blocked")
    full_name = repository.full_name
    name = repository.name
    counts = context.world.counts(repository.id)
    if context.faults:
        known = repository.id, name, full_name
        for fault in context.faults.get(FaultKind.SAML, ()):
            if fault.repository is not None and fault.concerns_repository(*known):
                return saml_error()
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
        "url": f"{context.call.pages}/{full_name}",
        "visibility": repository.visibility.upper(),
    }


def _language(name: str | None) -> dict[str, Any] | None:
    if name is None:
        return None
    return {"__typename": "Language", "id": f"LA_{name}", "name": name, "color": None}


def people(count: int) -> dict[str, Any]:
    """Return a connection of people that shows only their number."""
    page = {"endCursor": None, "hasNextPage": False, "hasPreviousPage": False, "startCursor": None}
    return {"totalCount": count, "nodes": [], "edges": [], "pageInfo": page}


def rate_view(context: Context) -> dict[str, Any] | None:
    """Return the fields of `rateLimit`; None if requests are not limited."""
    rate = context.rate
    if rate is None:
        return None
    return {
        "__typename": "RateLimit",
        "cost": context.plan.cost,
        "limit": rate.limit,
        "nodeCount": context.plan.estimate.nodes,
        "remaining": rate.remaining,
        "resetAt": timestamp(datetime.fromtimestamp(rate.reset, UTC)),
        "used": rate.used,
    }
