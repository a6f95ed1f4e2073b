"""ETags, compression and the cache of ``GET /v1/users/{id}/stats``."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text
from starlette.testclient import TestClient

import api.v1.stats
from api.http.body_cache import BodyCache
from api.queries import stats as queries
from common import repositories, stats, users
from common.repositories import Counts, SeenRepository
from common.users import TrackedUser
from tests import factories
from tests.clock import Clock

TODAY = date(2024, 3, 10)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    clock.set(TODAY)
    return factories.add_user(connection, login="allien", name="Allien Delon")


@pytest.fixture
def repository(connection: Connection, user: TrackedUser) -> SeenRepository:
    repository = factories.add_repository(connection, user, name="hello")
    factories.add_history(connection, user, repository, until=TODAY, stargazers=range(40))
    return repository


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The users whose rows this test read; it starts with an empty cache."""
    monkeypatch.setattr(api.v1.stats, "bodies", BodyCache(16 * 1024 * 1024))
    users_read: list[int] = []

    def read_and_count(connection: Connection, user_id: int, *span: Any, **how: Any) -> list[bytes]:
        users_read.append(user_id)
        return read(connection, user_id, *span, **how)

    read = queries.read_text
    monkeypatch.setattr(queries, "read_text", read_and_count)
    return users_read


def scan(
    engine: Engine,
    user: TrackedUser,
    repository: SeenRepository,
    counts: tuple[int, int, int],
    day: date = TODAY,
) -> None:
    """Write what a scan writes, in one transaction."""
    with engine.begin() as connection:
        repositories.save(connection, user.id, day, [repository])
        stats.write(connection, user.id, day, {repository.id: Counts(*counts)})


def path_of(user: TrackedUser) -> str:
    return f"/v1/users/{user.id}/stats"


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("format_", ["json", "csv", "ndjson"])
@pytest.mark.parametrize("known", ["{}", "W/{}", '"other", {}', "*"])
def test_a_matching_etag_is_304_without_reading_rows(
    client: TestClient, user: TrackedUser, reads: list[int], format_: str, known: str
) -> None:
    path = f"{path_of(user)}?format={format_}"
    first = client.get(path)
    reads.clear()

    again = client.get(path, headers={"If-None-Match": known.format(first.headers["etag"])})

    assert re.fullmatch('"[0-9a-f]{32}"', first.headers["etag"])
    assert (again.status_code, again.content, reads) == (304, b"", [])
    for name in ("etag", "cache-control", "vary", "content-disposition"):
        assert again.headers.get(name) == first.headers.get(name)
    assert first.headers["cache-control"] == "no-cache"


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("format_", ["json", "csv", "ndjson"])
def test_unchanged_rows_are_read_from_postgres_once(
    client: TestClient, user: TrackedUser, reads: list[int], format_: str
) -> None:
    path = f"{path_of(user)}?format={format_}"

    answers = [client.get(path, headers={"If-None-Match": '"other"'}) for _ in range(3)]

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["etag"] for answer in answers}) == 1
    assert reads == [user.id]


def test_every_change_of_the_response_changes_its_etag(
    client: TestClient,
    *,
    engine: Engine,
    connection: Connection,
    clock: Clock,
    user: TrackedUser,
    repository: SeenRepository,
) -> None:
    other = factories.add_user(connection, login="octocat")
    second = factories.make_repository(name="second")
    seen: list[tuple[str, bytes]] = []

    def look(**params: str) -> None:
        answer = client.get(path_of(user), params=params)
        assert answer.status_code == 200, answer.text
        seen.append((answer.headers["etag"], answer.content))

    def another_name(name: str, login: str) -> Callable[[], None]:
        renamed = TrackedUser(user.id, login, name)
        return lambda: users.update_profile(connection, renamed, node_id="U_1")

    look(format="csv")
    look(format="ndjson")
    look(date_from="2024-03-01")
    look(date_to="2024-03-09")
    look()
    changes: list[Callable[[], None]] = [
        # Today's row once more, as after a scan that a person asked for.
        lambda: scan(engine, user, repository, (1000, 1, 1)),
        lambda: scan(engine, user, repository, (1000, 1, 2)),
        lambda: scan(engine, user, repository, (7, 7, 7), TODAY - timedelta(days=2)),
        lambda: scan(engine, user, second, (5, 5, 5)),
        # To another owner: today's row goes with it, the days before stay.
        lambda: scan(engine, other, repository, (1000, 1, 2)),
        another_name("Allien Delon", "alien"),
        another_name("Alain Delon", "alien"),
        lambda: clock.set(TODAY + timedelta(days=1)),
    ]
    for change in changes:
        change()
        look()

    assert len({etag for etag, _ in seen}) == len(seen)
    assert len({body for _, body in seen}) == len(seen)


def test_a_transferred_repository_changes_the_etag_of_its_new_owner(
    client: TestClient, engine: Engine, connection: Connection, repository: SeenRepository
) -> None:
    taker = factories.add_user(connection, login="octocat")
    before = client.get(path_of(taker))

    scan(engine, taker, repository, (39, 9, 14))

    after = client.get(path_of(taker), headers={"If-None-Match": before.headers["etag"]})
    assert before.json()["stats"] == []
    assert [row["stargazers"] for row in after.json()["stats"]] == [39]


def test_scans_of_other_users_do_not_change_the_etag(
    client: TestClient, engine: Engine, connection: Connection, user: TrackedUser
) -> None:
    before = client.get(path_of(user)).headers["etag"]

    other = factories.add_user(connection)
    scan(engine, other, factories.make_repository(), (1, 1, 1))

    assert client.get(path_of(user)).headers["etag"] == before


def test_a_response_is_consistent_although_a_scan_ends_meanwhile(
    client: TestClient,
    engine: Engine,
    user: TrackedUser,
    repository: SeenRepository,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = queries.read_text

    def scan_and_read(connection: Connection, user_id: int, *span: Any, **how: Any) -> list[bytes]:
        scan(engine, user, repository, (1000, 1, 1))
        return read(connection, user_id, *span, **how)

    expected = client.get(path_of(user)).json()
    monkeypatch.setattr(api.v1.stats, "bodies", BodyCache(16 * 1024 * 1024))
    with monkeypatch.context() as patch:
        patch.setattr(queries, "read_text", scan_and_read)
        during = client.get(path_of(user))
    after = client.get(path_of(user), headers={"If-None-Match": during.headers["etag"]})

    assert during.json() == expected
    assert after.json()["stats"][-1]["stargazers"] == 1000


@pytest.mark.usefixtures("repository")
def test_a_deleted_user_is_404_whatever_the_etag(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    etag = client.get(path_of(user)).headers["etag"]

    users.delete(connection, user.id)

    for known in (etag, "*"):
        answer = client.get(path_of(user), headers={"If-None-Match": known})
        assert (answer.status_code, answer.json()) == (404, {"detail": "user not found"})


@pytest.mark.parametrize("known", ["*", '"x"'])
def test_invalid_input_is_422_whatever_the_etag(
    client: TestClient, user: TrackedUser, known: str
) -> None:
    wrong = {"date_from": "2024-03-02", "date_to": "2024-03-01"}

    answer = client.get(path_of(user), params=wrong, headers={"If-None-Match": known})

    assert answer.status_code == 422


@pytest.mark.usefixtures("repository")
def test_head_returns_etag_and_length(client: TestClient, user: TrackedUser) -> None:
    head, get = client.head(path_of(user)), client.get(path_of(user))

    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "content-length", "content-type"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("deflate, GZIP;q=0.5", "gzip"),
        ("*", "gzip"),
        ("identity", None),
        ("br, zstd", None),
        ("gzip;q=0", None),
        ("gzip;q=0.5, identity", None),
        ("*;q=0", None),
        ("", None),
    ],
)
def test_rows_are_compressed_if_accept_encoding_prefers_gzip(
    client: TestClient, user: TrackedUser, accepted: str, coding: str | None
) -> None:
    plain = client.get(path_of(user), headers={"Accept-Encoding": "identity"})

    answer = client.get(path_of(user), headers={"Accept-Encoding": accepted})

    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["vary"] == plain.headers["vary"] == "Accept, Accept-Encoding"
    assert answer.json() == plain.json()
    assert (int(answer.headers["content-length"]) < len(plain.content)) is (coding == "gzip")
    # Other bytes have another tag.
    assert (answer.headers["etag"] == plain.headers["etag"]) is (coding is None)


@pytest.mark.usefixtures("repository")
def test_compressed_rows_are_cached(
    client: TestClient, user: TrackedUser, reads: list[int]
) -> None:
    gzipped = {"Accept-Encoding": "gzip"}

    answers = [client.get(path_of(user), headers=gzipped) for _ in range(2)]
    known = {**gzipped, "If-None-Match": answers[0].headers["etag"]}

    assert reads == [user.id]
    assert answers[0].content == answers[1].content
    assert client.get(path_of(user), headers=known).status_code == 304


@pytest.mark.usefixtures("repository")
def test_the_json_equals_the_rows_in_the_table(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    rows = connection.execute(
        text(
            """
            SELECT repo_id, CAST(date AS text) AS date, stargazers, forks, watchers
            FROM daily_stats
            WHERE user_id = :user_id AND date > :after
            ORDER BY date
            """
        ),
        {"user_id": user.id, "after": TODAY - timedelta(days=30)},
    ).mappings()

    shown = client.get(path_of(user)).json()["stats"]

    assert shown == [dict(row) for row in rows]
    assert len(shown) == 30


@pytest.mark.parametrize("format_", ["json", "csv", "ndjson"])
@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_rows_too_large_for_the_cache_are_streamed(
    *,
    client: TestClient,
    connection: Connection,
    user: TrackedUser,
    monkeypatch: pytest.MonkeyPatch,
    format_: str,
    coding: str,
) -> None:
    for _ in range(101):
        repository = factories.add_repository(connection, user)
        factories.add_history(connection, user, repository, until=TODAY, stargazers=range(3))
    path, accepted = f"{path_of(user)}?format={format_}", {"Accept-Encoding": coding}
    monkeypatch.setattr(api.v1.stats, "bodies", BodyCache(16 * 1024 * 1024))
    kept = client.get(path, headers=accepted)
    monkeypatch.setattr(api.v1.stats, "bodies", BodyCache(1000))

    sent = client.get(path, headers=accepted)

    if format_ == "json":
        assert len(sent.json()["stats"]) == 303
    else:
        assert len(sent.text.splitlines()) == 303 + (format_ == "csv")
    assert sent.content == kept.content
    assert ("content-length" in kept.headers, "content-length" in sent.headers) == (True, False)
    for name in ("etag", "content-type", "vary"):
        assert sent.headers[name] == kept.headers[name]
    known = accepted | {"If-None-Match": sent.headers["etag"]}
    assert client.get(path, headers=known).status_code == 304
