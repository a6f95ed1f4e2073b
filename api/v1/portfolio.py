"""``/v1/portfolio``: the followed users with totals and changes, as the overview shows them."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.dependencies import Database
from api.http import describe
from api.http.describe import TableRow
from api.http.formats import Table
from api.http.negotiation import AcceptedFormat
from api.http.transactions import read
from api.queries import portfolio
from api.queries.metric import Metric
from api.queries.portfolio import Column, Holding, Standing
from api.queries.repository_sort import Order
from api.v1 import responses
from api.v1.fields import MAX_PAGE, Limit

router = APIRouter(prefix="/v1/portfolio", tags=["users"], responses=describe.UNAVAILABLE)

_MAX_OFFSET = 1_000_000

_Count = Annotated[int | None, Field(examples=[82])]


class HeldUser(TableRow):
    """A followed user with the totals of the last complete day."""

    id: Annotated[int, Field(description="GitHub's numeric account id.", examples=[82056671])]
    login: Annotated[str, Field(examples=["onelonelyrepo"])]
    name: Annotated[str, Field(examples=["One Lonely Repo"])]
    state: Annotated[
        Standing, Field(description="What became of today's scan.", examples=["recorded"])
    ]
    date: Annotated[
        date | None,
        Field(
            description="The last complete day; null if it is older than 45 days.",
            examples=["2026-11-28"],
        ),
    ]
    stargazers: _Count
    forks: Annotated[int | None, Field(examples=[8])]
    watchers: Annotated[int | None, Field(examples=[3])]
    change_7d: Annotated[
        int | None,
        Field(
            description="Change of `metric` since 7 days before `date`; null if that day was not"
            " complete.",
            examples=[2],
        ),
    ]
    change_30d: Annotated[int | None, Field(examples=[5])]
    repositories: Annotated[
        int | None,
        Field(description="How many GitHub lists; null before the first scan.", examples=[1]),
    ]


@router.get(
    "",
    summary="List the users with totals and changes",
    responses=describe.table(
        "The users, in the order asked for.",
        HeldUser,
        headers={
            "X-Total-Count": "The number of users on all pages.",
            "Link": 'If there are more: `</v1/portfolio?…&offset=…>; rel="next"`.',
        },
    )
    | describe.NO_FORMAT
    | responses.invalid_metric("metric"),
)
def list_portfolio(
    *,
    request: Request,
    database: Database,
    wanted: AcceptedFormat,
    metric: Annotated[
        Metric, Query(description="The count of the changes.", examples=["forks"])
    ] = Metric.STARGAZERS,
    sort: Annotated[
        Column, Query(description="What to sort by.", examples=["change_7d"])
    ] = Column.STARGAZERS,
    order: Annotated[
        Order | None,
        Query(
            description="By default logins ascend, and numbers and dates descend.",
            examples=["asc"],
        ),
    ] = None,
    q: Annotated[
        str,
        Query(
            max_length=100,
            description="Only users with this text in the login or the name, in any case.",
            examples=["lonely"],
        ),
    ] = "",
    state: Annotated[
        Standing | None,
        Query(description="Only users in this state.", examples=["not_recorded"]),
    ] = None,
    limit: Limit = MAX_PAGE,
    offset: Annotated[
        int, Query(ge=0, le=_MAX_OFFSET, description="Number of items to skip.", examples=[50])
    ] = 0,
) -> Response:
    """List the followed users with the totals of their last complete day, as the overview does.

    `state` is `recorded`, `incomplete` (rows of some repositories are missing), `not_recorded`
    (not scanned today yet, or in vain), `loading` (never scanned) or `not_found` (GitHub shows no
    such account). Users without a value in the sort column come last.
    """
    found = read(
        database,
        lambda connection: portfolio.read(
            connection,
            metric=metric,
            sort=sort,
            order=order,
            words=q,
            standing=state,
            limit=limit,
            offset=offset,
        ),
    )
    headers = {"X-Total-Count": str(found.in_all)}
    if found.in_all > offset + limit:
        following = request.url.include_query_params(limit=limit, offset=offset + limit)
        headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    rows = [_body(holding) for holding in found.holdings]
    return Table("portfolio", rows, HeldUser.columns()).to_response(wanted, headers=headers)


def _body(holding: Holding) -> dict[str, Any]:
    return {
        "id": holding.id,
        "login": holding.login,
        "name": holding.name,
        "state": holding.standing,
        "date": holding.day,
        **{metric.value: count for metric, count in holding.counts.items()},
        **{f"change_{days}d": change for days, change in holding.changes.items()},
        "repositories": holding.repositories,
    }
