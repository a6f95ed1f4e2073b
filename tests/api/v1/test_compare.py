"""``/v1/compare.svg``, ``.json`` and ``.csv``."""

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import Connection
from starlette.testclient import TestClient

from common.repositories import SeenRepository
from common.states import ScanState
from common.users import TrackedUser
from tests import factories, imported
from tests.api.charts.pixels import rasterize
from tests.api.charts.reading import read_description, read_title, texts
from tests.clock import Clock

TODAY = date(2024, 3, 10)

FORMATS = ("svg", "json", "csv")


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    clock.set(TODAY)
    return factories.add_user(connection, login="allien")


@pytest.fixture
def old(connection: Connection, user: TrackedUser) -> SeenRepository:
    """A repository with ten days, the fifth of which is missing."""
    repository = factories.add_repository(connection, user, name="old")
    rows = {
        TODAY - timedelta(days=9 - number): (100 + 10 * number, 9, 14)
        for number in range(10)
        if number != 4
    }
    factories.add_rows(connection, user, repository, rows)
    return repository


@pytest.fixture
def new(connection: Connection, user: TrackedUser) -> SeenRepository:
    """A repository with three days."""
    repository = factories.add_repository(connection, user, name="new")
    factories.add_history(connection, user, repository, until=TODAY, stargazers=[0, 4, 2])
    return repository


def compared(client: TestClient, query: str) -> dict[str, Any]:
    answer = client.get(f"/v1/compare.json?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    body: dict[str, Any] = answer.json()
    return body


def values(client: TestClient, query: str) -> list[list[tuple[str, int, float]]]:
    return [
        [(point["date"], point["day"], point["value"]) for point in line["points"]]
        for line in compared(client, query)["series"]
    ]


@pytest.mark.usefixtures("old")
def test_repositories_and_users_are_compared_day_by_day(
    client: TestClient, connection: Connection, user: TrackedUser, new: SeenRepository
) -> None:
    for ago in (1, 0):
        factories.add_scan(connection, user, TODAY - timedelta(days=ago))

    body = compared(client, "user=Allien&repo=allien/New&date_from=2024-03-01")

    day = {"date": "2024-03-08", "day": 0, "value": 0, "source": "observed"}
    totals = [("2024-03-09", 0, 184), ("2024-03-10", 1, 192)]
    assert body == {
        "metric": "stargazers",
        "mode": "total",
        "date_from": "2024-03-01",
        "date_to": "2024-03-10",
        "series": [
            {
                "kind": "repository",
                "id": new.id,
                "name": "allien/new",
                "points": [
                    day,
                    day | {"date": "2024-03-09", "day": 1, "value": 4},
                    day | {"date": "2024-03-10", "day": 2, "value": 2},
                ],
            },
            {
                "kind": "user",
                "id": user.id,
                "name": "allien",
                "points": [
                    {"date": date_, "day": number, "value": value, "source": "observed"}
                    for date_, number, value in totals
                ],
            },
        ],
    }


@pytest.mark.usefixtures("old", "new")
def test_days_that_were_not_recorded_stay_away(client: TestClient) -> None:
    (days,) = values(client, "repo=allien/old")

    assert [day for day, _, _ in days] == [
        f"2024-03-{number:02}" for number in range(1, 11) if number != 5
    ]


@pytest.mark.usefixtures("user", "old", "new")
@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (
            "day",
            [
                [(2, 10), (3, 10), (4, 10), (7, 10), (8, 10), (9, 10), (10, 10)],
                [(9, 4), (10, -2)],
            ],
        ),
        # From Monday, 4 March, on there is no second Monday.
        ("week", [[], []]),
        (
            "indexed",
            [
                [(day, 90 + 10 * day) for day in range(1, 11) if day != 5],
                # Nothing can be in percent of zero.
                [(9, 100), (10, 50)],
            ],
        ),
        (
            "aligned",
            [
                [(day, 90 + 10 * day) for day in range(1, 11) if day != 5],
                [(8, 0), (9, 4), (10, 2)],
            ],
        ),
    ],
)
def test_modes(client: TestClient, mode: str, expected: list[list[tuple[int, float]]]) -> None:
    query = f"repo=allien/old&repo=allien/new&date_from=2024-03-01&mode={mode}"

    shown = [[(int(day[-2:]), value) for day, _, value in line] for line in values(client, query)]

    assert shown == expected


@pytest.mark.usefixtures("user")
def test_changes_per_week_and_month_are_those_from_mondays_and_first_days(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    repository = factories.add_repository(connection, user, name="daily")
    factories.add_history(connection, user, repository, until=TODAY, stargazers=range(0, 140, 2))

    (weeks,) = values(client, "repo=allien/daily&date_from=2024-02-10&mode=week")
    (months,) = values(client, "repo=allien/daily&mode=month")

    assert [(day, value) for day, _, value in weeks] == [
        ("2024-02-19", 14),
        ("2024-02-26", 14),
        ("2024-03-04", 14),
    ]
    assert [(day, value) for day, _, value in months] == [("2024-02-01", 62), ("2024-03-01", 58)]


def test_a_user_has_the_totals_of_complete_days(
    client: TestClient, connection: Connection, user: TrackedUser, old: SeenRepository
) -> None:
    del old
    factories.add_scan(connection, user, TODAY - timedelta(days=2))
    factories.add_scan(connection, user, TODAY - timedelta(days=1), ScanState.INCOMPLETE)
    factories.add_scan(connection, user, TODAY)

    (days,) = values(client, "user=allien")

    assert [(day, value) for day, _, value in days] == [("2024-03-08", 170), ("2024-03-10", 190)]


def test_sources_are_told_apart(
    client: TestClient, connection: Connection, new: SeenRepository
) -> None:
    imported.store(connection, new.id, "old counts", {date(2024, 3, 6): (7, None, None)})

    observed = values(client, "repo=allien/new")
    body = compared(client, "repo=allien/new&source=all")
    chart = client.get("/v1/compare.svg?repo=allien/new&source=all").text

    assert [day for day, _, _ in observed[0]] == ["2024-03-08", "2024-03-09", "2024-03-10"]
    assert body["series"][0]["points"][0] == {
        "date": "2024-03-06",
        "day": 0,
        "value": 7,
        "source": "import:old counts",
    }
    assert read_title(chart) == "Stars (thin: reconstructed or imported)"
    assert "1 missing; 1 reconstructed or imported" in read_description(chart)


@pytest.mark.usefixtures("old", "new")
def test_csv_has_a_row_for_each_value(client: TestClient, old: SeenRepository) -> None:
    answer = client.get("/v1/compare.csv?repo=allien/old&repo=allien/new&metric=forks")

    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert rows[0] == {
        "kind": "repository",
        "id": str(old.id),
        "name": "allien/old",
        "date": "2024-03-01",
        "day": "0",
        "value": "9",
        "source": "observed",
    }
    assert [row["name"] for row in rows] == ["allien/old"] * 9 + ["allien/new"] * 3


@pytest.mark.usefixtures("old", "new")
def test_the_chart_names_each_line_and_describes_it(client: TestClient) -> None:
    chart = client.get(
        "/v1/compare.svg?repo=allien/old&repo=allien/new&theme=light&width=600&height=300"
    )

    assert chart.headers["content-type"] == "image/svg+xml"
    assert chart.headers["cache-control"] == "public, max-age=300"
    assert rasterize(chart.text).size == (600, 300)
    assert {"allien/old", "allien/new"} <= set(texts(chart.text))
    assert read_title(chart.text) == "Stars"
    assert read_description(chart.text) == (
        "allien/old: 100 on 2024-03-01, 190 on 2024-03-10; 1 missing."
        " allien/new: 0 on 2024-03-08, 2 on 2024-03-10."
    )


def test_a_chart_that_the_client_has_is_not_sent_again(
    client: TestClient, connection: Connection, user: TrackedUser, new: SeenRepository
) -> None:
    path = "/v1/compare.svg?repo=allien/new"
    etag = client.get(path).headers["etag"]

    assert client.get(path, headers={"If-None-Match": etag}).status_code == 304
    others = [
        f"{path}&scale=log",
        f"{path}&mode=aligned",
        f"{path}&width=500",
        f"{path}&theme=dark",
    ]
    tags = {client.get(other).headers["etag"] for other in others}
    assert len(tags - {etag}) == len(others)
    factories.add_rows(connection, user, new, {TODAY: (3, 1, 1)})
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize("name", ["allien/new", "ALLIEN/NEW", "{id}"])
def test_a_repository_may_be_named_or_numbered(
    client: TestClient, new: SeenRepository, name: str
) -> None:
    body = compared(client, f"repo={name.format(id=new.id)}&repo=allien/new")

    assert [line["id"] for line in body["series"]] == [new.id]


def refused(client: TestClient, format_: str, query: str) -> Response:
    # Without strict, an image is one of the reason.
    strict = "&strict=1" if format_ == "svg" else ""
    return client.get(f"/v1/compare.{format_}?{query}{strict}")


@pytest.mark.usefixtures("new")
@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(
    ("query", "missing"),
    [
        ("repo=allien/new&repo=allien/other", "allien/other"),
        ("repo=1&user=nobody", "1, nobody"),
    ],
)
def test_what_is_not_followed_is_named(
    client: TestClient, format_: str, query: str, missing: str
) -> None:
    answer = refused(client, format_, query)

    assert (answer.status_code, answer.json()) == (
        404,
        {"detail": f"not followed here: {missing}"},
    )


@pytest.mark.usefixtures("new")
@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("", "repo"),
        ("&".join(["repo=a/b"] * 21), "repo"),
        ("&".join(["repo=a/b"] * 11 + ["user=a"] * 10), "repo"),
        ("repo=allien", "repo"),
        (f"repo={2**63}", "repo"),
        ("repo=" + "1" * 5000, "repo"),
        ("user=allien/new", "user"),
        ("repo=allien/new&mode=year", "mode"),
        ("repo=allien/new&metric=stars", "metric"),
        ("repo=allien/new&date_from=2024-03-11", "date_from"),
        ("repo=allien/new&date_from=2014-01-01", "date_from"),
    ],
)
def test_invalid_requests_are_refused(
    client: TestClient, format_: str, query: str, parameter: str
) -> None:
    answer = refused(client, format_, query)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][1] == parameter


def test_changes_have_no_logarithm(client: TestClient, new: SeenRepository) -> None:
    answer = client.get(f"/v1/compare.svg?repo={new.id}&mode=week&scale=log&strict=1")

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "scale"]


def test_a_misspelt_parameter_is_refused_by_data_and_ignored_by_images(
    client: TestClient, new: SeenRepository
) -> None:
    statuses = [
        client.get(f"/v1/compare.{format_}?repo={new.id}&utm_source=x").status_code
        for format_ in FORMATS
    ]

    assert statuses == [200, 422, 422]
