import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from pydantic import SecretStr

from common.credentials import (
    REFUSAL_SECONDS,
    choose_credential,
    fingerprint,
    get_expiry,
    is_refused,
)
from common.errors import SetupError
from common.settings import Settings
from simulator import App, Fault, FaultKind, enterprise_server
from tests.worker.github.lab import FakeClock, Lab, counts
from worker.github.errors import CredentialsRefused, Limited
from worker.github.meaning import Meaning
from worker.github.quota import read_token_expiry

APP, INSTALLATION = 31, 4711


def pem(key: Any) -> str:
    return str(
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    )


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


# A refused token


def test_a_token_that_is_refused_once_is_tried_again(lab: Lab) -> None:
    account = lab.add("octocat", 2)
    lab.simulator.fail("unauthorized")

    assert counts(lab.observe(account)) == lab.truth(account)
    assert not is_refused(lab.redis, lab.name)


def test_a_token_that_is_refused_twice_is_used_no_more_by_any_worker(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    account = lab.add("octocat", 2)
    lab.simulator.fail("unauthorized", times=None)
    first, second = lab.github(), lab.github()

    for github in (first, first, second, second):
        with pytest.raises(CredentialsRefused):
            lab.observe(account, github)

    assert len(lab.simulator.requests) == 2
    assert is_refused(lab.redis, lab.name)
    assert [(record.levelno, record.message.count("good")) for record in caplog.records] == [
        (logging.ERROR, 0)
    ]


def test_another_token_is_another_matter(lab: Lab) -> None:
    account = lab.add("octocat", 2)
    lab.simulator.fail("unauthorized", times=2)
    with pytest.raises(CredentialsRefused):
        lab.observe(account)

    changed = lab.settings.model_copy(update={"github_token": SecretStr("other")})
    assert counts(lab.observe(account, lab.github(settings=changed))) == lab.truth(account)
    assert is_refused(lab.redis, lab.name)


def test_a_refused_token_is_tried_again_some_hours_later(lab: Lab) -> None:
    account = lab.add("octocat", 2)
    lab.simulator.fail("unauthorized", times=2)
    with pytest.raises(CredentialsRefused):
        lab.observe(account)
    key = f"repopulse:github:{lab.name}:refused"

    assert REFUSAL_SECONDS - 60 < lab.redis.ttl(key) <= REFUSAL_SECONDS
    lab.redis.delete(key)
    assert counts(lab.observe(account)) == lab.truth(account)


# Which credential


def test_a_credentials_name_tells_nothing_of_it_and_changes_with_it() -> None:
    def name(**options: Any) -> str:
        return fingerprint(choose_credential(Settings(**options)))

    app = {"github_app_id": "1", "github_app_installation_id": 2}
    names = [
        name(),
        name(github_token=SecretStr("a")),
        name(github_token=SecretStr("b")),
        name(**app, github_app_private_key=SecretStr("a")),
        name(**app, github_app_private_key=SecretStr("b")),
    ]

    assert len(set(names)) == len(names)
    assert names[0] == "anonymous"
    assert "a" * 5 not in "".join(names)


def test_a_token_and_an_app_at_once_are_refused() -> None:
    settings = Settings(github_token=SecretStr("a"), github_app_id="1")

    with pytest.raises(SetupError, match="GITHUB_TOKEN and GITHUB_APP_ID are both set"):
        choose_credential(settings)


@pytest.mark.parametrize("given", ["github_app_id", "github_app_private_key"])
def test_half_an_app_is_refused(given: str) -> None:
    settings = Settings(**{given: "1"})  # type: ignore[arg-type]

    with pytest.raises(SetupError, match=f"{given.upper()} is set and .* needs all three"):
        choose_credential(settings)


# An installation of an App


@pytest.fixture
def with_app(make_lab: Callable[..., Lab], key: rsa.RSAPrivateKey) -> Lab:
    return make_app_lab(make_lab, key)


def make_app_lab(make_lab: Callable[..., Lab], key: rsa.RSAPrivateKey, **options: Any) -> Lab:
    numbers = key.public_key().public_numbers()
    app = App(APP, {INSTALLATION: None}, public_key=(numbers.n, numbers.e))
    lab = make_lab(token=None, apps=[app], tokens={}, **options)
    lab.settings = lab.settings.model_copy(
        update={
            "github_app_id": str(APP),
            "github_app_private_key": SecretStr(pem(key)),
            "github_app_installation_id": INSTALLATION,
        }
    )
    return lab


def test_an_installation_on_an_enterprise_server_asks_below_its_paths(
    make_lab: Callable[..., Lab], key: rsa.RSAPrivateKey
) -> None:
    lab = make_app_lab(
        make_lab, key, api="https://github.example.com/api/v3", edition=enterprise_server()
    )
    account = lab.add("octocat", 2)

    assert counts(lab.observe(account)) == lab.truth(account)
    assert lab.paths() == [
        f"/api/v3/app/installations/{INSTALLATION}/access_tokens",
        "/api/graphql",
    ]


def tokens_fetched(lab: Lab) -> int:
    return sum("access_tokens" in path for path in lab.paths())


def test_an_installation_asks_with_a_token_of_its_own(with_app: Lab) -> None:
    account = with_app.add("octocat", 2)
    github = with_app.github()

    for _ in range(3):
        assert counts(with_app.observe(account, github)) == with_app.truth(account)

    assert with_app.paths() == [
        f"/app/installations/{INSTALLATION}/access_tokens",
        "/graphql",
        "/graphql",
        "/graphql",
    ]


def test_a_token_is_renewed_before_it_ends(with_app: Lab) -> None:
    account = with_app.add("octocat", 1)
    github = with_app.github()
    with_app.observe(account, github)

    with_app.clock.now += 3600 - 310
    with_app.observe(account, github)
    assert tokens_fetched(with_app) == 1
    with_app.clock.now += 20
    with_app.observe(account, github)
    assert tokens_fetched(with_app) == 2
    assert all(request.status in (200, 201) for request in with_app.simulator.requests)


def test_a_token_that_was_revoked_is_replaced_at_once(with_app: Lab) -> None:
    account = with_app.add("octocat", 1)
    github = with_app.github()
    with_app.observe(account, github)
    for token in with_app.simulator.credentials.issued_tokens:
        with_app.simulator.credentials.revoke(token)

    assert counts(with_app.observe(account, github)) == with_app.truth(account)
    assert tokens_fetched(with_app) == 2
    assert not is_refused(with_app.redis, with_app.name)


def test_all_tokens_of_an_installation_share_one_budget(with_app: Lab) -> None:
    account = with_app.add("octocat", 1)
    with_app.simulator.fail("last_point", match="graphql")
    with_app.observe(account, with_app.github())

    with pytest.raises(Limited):
        with_app.observe(account, with_app.github())
    assert with_app.simulator.violations == []


def test_what_is_left_to_the_app_itself_says_nothing_of_its_installation(with_app: Lab) -> None:
    account = with_app.add("octocat")
    with_app.simulator.fail("last_point", match="access_tokens")

    assert with_app.transport().get("/users/octocat").data["id"] == account.id


def test_no_token_is_fetched_while_github_says_to_wait(with_app: Lab) -> None:
    account = with_app.add("octocat", 1)
    with_app.simulator.fail(Fault(FaultKind.SECONDARY_LIMIT, retry_after=60), match="access_tokens")

    for _ in range(3):
        with pytest.raises(Limited):
            with_app.observe(account)
    assert len(with_app.simulator.requests) == 1


@pytest.mark.parametrize("wrong", [-3000, -90, 90, 3000])
def test_a_wrong_clock_of_the_host_does_not_spoil_the_proof(with_app: Lab, wrong: float) -> None:
    account = with_app.add("octocat", 1)
    githubs = FakeClock(with_app.clock.now + wrong)
    with_app.simulator.clock = githubs
    github = with_app.github()

    assert counts(with_app.observe(account, github)) == with_app.truth(account)

    for passing in (with_app.clock, githubs):
        passing.now += 3000
    with_app.observe(account, github)
    # The hour that a token lasts is counted by GitHub's clock too.
    assert [request.status for request in with_app.simulator.requests].count(201) == 1


@pytest.mark.parametrize(
    "update",
    [
        {"github_app_id": "999"},
        {"github_app_installation_id": 999},
        {"github_app_private_key": None},
    ],
    ids=["unknown App", "unknown installation", "another key"],
)
def test_an_app_that_github_refuses_is_told_plainly_and_used_no_more(
    with_app: Lab, update: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    account = with_app.add("octocat", 1)
    if "github_app_private_key" in update:
        another = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        update = {"github_app_private_key": SecretStr(pem(another))}
    with_app.settings = with_app.settings.model_copy(update=update)

    with pytest.raises(CredentialsRefused, match="refuses a token to installation"):
        with_app.observe(account)
    asked = len(with_app.simulator.requests)
    with pytest.raises(CredentialsRefused):
        with_app.observe(account)

    assert len(with_app.simulator.requests) == asked <= 2
    assert is_refused(with_app.redis, with_app.name)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_token_request_that_is_cut_off_is_made_again(with_app: Lab) -> None:
    account = with_app.add("octocat", 1)
    with_app.simulator.fail("reset", match="access_tokens")

    assert counts(with_app.observe(account)) == with_app.truth(account)


def test_a_key_may_be_a_file_or_one_line(
    with_app: Lab, key: rsa.RSAPrivateKey, tmp_path: Path
) -> None:
    account = with_app.add("octocat", 1)
    path = tmp_path / "key.pem"
    path.write_text(pem(key))

    for value in (str(path), pem(key).replace("\n", "\\n")):
        changed = with_app.settings.model_copy(update={"github_app_private_key": SecretStr(value)})
        assert counts(with_app.observe(account, with_app.github(settings=changed)))


@pytest.mark.parametrize("kind", ["no file", "nonsense", "wrong kind"])
def test_a_key_that_is_none_is_told_at_the_start_and_not_repeated(
    with_app: Lab, kind: str, tmp_path: Path
) -> None:
    value = {
        "no file": str(tmp_path / "secret.pem"),
        "nonsense": "-----BEGIN RSA PRIVATE KEY-----\nsecret\n-----END RSA PRIVATE KEY-----",
        "wrong kind": pem(ec.generate_private_key(ec.SECP256R1())),
    }[kind]
    changed = with_app.settings.model_copy(update={"github_app_private_key": SecretStr(value)})

    with pytest.raises(SetupError, match="GITHUB_APP_PRIVATE_KEY") as told:
        with_app.github(settings=changed)
    assert "secret" not in str(told.value)


# Where a token goes


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/repositories/1",
        "http://api.github.com/repositories/1",
        "https://api.github.com:8443/repositories/1",
        "https://api.github.com@evil.example/repositories/1",
        "//evil.example/repositories/1",
        "https://[",
        "https://api.github.com:port/",
    ],
)
@pytest.mark.parametrize("way", ["redirect", "next page"])
def test_a_token_never_travels_to_another_host(lab: Lab, way: str, address: str) -> None:
    hosts = []

    def lead_away(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        if request.url.path.endswith("/repos") and way == "next page":
            return httpx.Response(200, headers={"link": f'<{address}>; rel="next"'}, json=[])
        if request.url.path.endswith("/repos") or way == "next page":
            body = {"id": 1, "login": "octocat", "node_id": "U_1", "public_repos": 0}
            return httpx.Response(200, json=body)
        return httpx.Response(301, headers={"location": address}, json={})

    transport = lab.transport(lead_away)
    answer = transport.get("/user/1")
    if way == "next page":
        answer = transport.get("/users/octocat/repos")
    followed = transport.get(answer.location or answer.next_page or "")

    assert followed.meaning is Meaning.TRY_AGAIN
    assert set(hosts) == {"api.github.com"}


def expiry(lab: Lab) -> datetime | None:
    return get_expiry(lab.redis, lab.name)


def test_when_a_token_expires_is_kept(lab: Lab) -> None:
    expires = datetime(2026, 12, 12, 10, tzinfo=UTC)
    lab.add("octocat")
    lab.transport().get("/users/octocat")
    assert expiry(lab) is None

    lab.simulator.credentials.expirations["good"] = expires
    lab.transport().get("/users/octocat")

    assert expiry(lab) == expires


def test_hour_of_an_installations_token_is_not_kept(with_app: Lab) -> None:
    account = with_app.add("octocat", 1)
    github = with_app.github()
    with_app.observe(account, github)
    (token,) = with_app.simulator.credentials.issued_tokens
    with_app.simulator.credentials.expirations[token] = datetime(2026, 12, 12, 10, tzinfo=UTC)

    with_app.observe(account, github)

    assert expiry(with_app) is None


@pytest.mark.parametrize(
    ("value", "expires"),
    [
        ("2026-12-12 10:00:00 UTC", datetime(2026, 12, 12, 10, tzinfo=UTC)),
        ("2026-12-12 06:00:00 -0400", datetime(2026, 12, 12, 10, tzinfo=UTC)),
        ("2026-12-12T10:00:00Z", datetime(2026, 12, 12, 10, tzinfo=UTC)),
        ("soon", None),
        ("2026-12-12 10:00:00", None),
        ("9999-99-99 10:00:00 UTC", None),
        ("", None),
    ],
)
def test_expiry_of_a_token_is_read_in_the_forms_that_github_uses(
    value: str, expires: datetime | None
) -> None:
    read = read_token_expiry({"github-authentication-token-expiration": value})

    assert read == (None if expires is None else expires.timestamp())
