"""Secrets are not logged, shown or stored: all processes run, things fail, and all is searched."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import redis
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import Connection, make_url

from common.settings import Settings
from simulator import App, Fault, FaultKind, GitHubSimulator, World, serving
from tests.end_to_end.conftest import make_system
from tests.end_to_end.system import System, running
from tests.security import search
from tests.waiting import wait_until

pytestmark = [pytest.mark.end_to_end, pytest.mark.fault]

__all__ = ["make_system"]

TOKEN = "marked.token/of+no~usual=form"
API_KEY = "marked api-key.of/its+own"
FLOWER = "looker:marked-flower%pass"
WRONG = "marked.wrong-password"
APP, INSTALLATION = 31, 4711

PAGES = ["/docs", "/openapi.json", "/metrics", "/readyz", "/healthz", "/v1/users"]
FLOWER_PAGES = [
    *("/", "/workers", "/tasks", "/broker", "/metrics", "/healthcheck", "/tasks/datatable?draw=1"),
    *("/api/tasks", "/api/workers?refresh=1", "/api/task/types", "/api/queues/length"),
]


@dataclass(frozen=True)
class Marked:
    """A credential, and the texts by which it can be found."""

    environment: dict[str, str]
    simulator: dict[str, Any]
    marks: tuple[str, ...]


def a_token(_world: World) -> Marked:
    return Marked({"GITHUB_TOKEN": TOKEN}, {"tokens": {TOKEN: None}}, (TOKEN,))


def an_app(_world: World) -> Marked:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    numbers = key.public_key().public_numbers()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    return Marked(
        {
            "GITHUB_TOKEN": "",
            "GITHUB_APP_ID": str(APP),
            "GITHUB_APP_INSTALLATION_ID": str(INSTALLATION),
            "GITHUB_APP_PRIVATE_KEY": pem.replace("\n", "\\n"),
        },
        {
            "tokens": {},
            "apps": [App(APP, {INSTALLATION: None}, public_key=(numbers.n, numbers.e))],
        },
        # The beginnings of JWTs and of installations' tokens.
        (*(line for line in pem.splitlines() if "-----" not in line), "eyJhbGciOi", "ghs_"),
    )


def spellings(secret: str) -> set[str]:
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    return {secret, quote(secret), quote(secret, ""), json.dumps(secret)[1:-1], encoded}


def found(places: Iterator[tuple[str, str]], marks: set[str]) -> list[str]:
    """Return the places of marks, with the text around them."""
    return [
        f"{place}: …{content[max(0, content.index(mark) - 200) : content.index(mark) + 200]}…"
        for place, content in places
        for mark in marks
        if mark in content
    ]


@contextmanager
def echoing(simulator: GitHubSimulator, secret: str, status: int) -> Iterator[None]:
    """Let GitHub fail and repeat the credential."""
    message = f"no good: {secret} " + "x" * 160 + f" Bearer {secret}"
    body = json.dumps({"message": message, "errors": [{"type": secret, "message": message}]})
    simulator.fail(Fault(FaultKind.ANSWER, status=status, text=body), times=None)
    yield
    simulator.heal()


def pages(system: System) -> Iterator[tuple[str, str]]:
    """Yield every page of the API and of Flower, with its headers."""

    def content(answer: httpx.Response) -> tuple[str, str]:
        headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        return f"page {answer.url.path} ({answer.status_code})", f"{headers}\n\n{answer.text}"

    for path in PAGES:
        yield content(system.call("GET", path))
    flower = f"http://127.0.0.1:{system.environment['FLOWER_PORT']}"
    user, _, password = FLOWER.partition(":")
    with httpx.Client(base_url=flower, auth=(user, password), timeout=30) as client:
        wait_until(lambda: is_up(client), 30)
        workers = wait_until(lambda: client.get("/api/workers?refresh=1").json(), 30)
        yield content(client.get("/api/workers"))
        tasks = client.get("/api/tasks").json()
        assert tasks
        details = [f"/worker/{name}" for name in workers] + [f"/task/{task}" for task in tasks]
        for path in [*FLOWER_PAGES, *details[:5]]:
            yield content(client.get(path))
        yield content(client.get("/tasks", auth=(user, WRONG)))


def is_up(client: httpx.Client) -> bool:
    try:
        return client.get("/healthcheck").status_code == 200
    except httpx.TransportError:
        return False


def put(system: System, body: object, key: str | None = API_KEY, **more: Any) -> httpx.Response:
    headers = {"X-API-Key": key} if key else {}
    return system.call("PUT", "/v1/users", json=body, headers=headers, **more)


def send_wrong_requests(system: System) -> None:
    """Send wrong requests, with the key in wrong places: only the sender may see it again."""
    assert put(system, {"login": "octocat"}, None).status_code == 401
    assert put(system, {"login": "octocat"}, WRONG).status_code == 401
    assert put(system, {"login": "octocat"}, None, params={"api_key": API_KEY}).status_code == 422
    assert put(system, {"login": API_KEY}).status_code == 422
    assert put(system, {"id": 1, "login": "x", "name": "x", API_KEY: API_KEY}).status_code == 422
    for path in (f"/v1/users/{quote(API_KEY, '')}", f"/{quote(API_KEY, '')}"):
        assert system.call("GET", path).status_code in (404, 422)
    assert system.call("POST", "/v1/users", headers={"X-API-Key": API_KEY}).status_code == 405
    headers = {"X-Request-ID": API_KEY, "Cookie": f"key={API_KEY}", "User-Agent": API_KEY}
    assert system.call("GET", "/v1/users/7", headers=headers).status_code == 404
    garbled = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "text/plain"}
    system.call("PUT", "/v1/users", headers=garbled, content=b'{"login": "x"')


@pytest.mark.parametrize(
    ("make_credential", "log_format"), [(a_token, "text"), (an_app, "json")], ids=["token", "App"]
)
def test_no_secret_is_logged_shown_or_stored_when_things_fail(
    make_system: Any,
    settings: Settings,
    connection: Connection,
    make_credential: Any,
    log_format: str,
) -> None:
    world = World()
    accounts = [world.add_account(login) for login in ("octocat", "failing", "refused")]
    for account in accounts:
        world.add_repository(account, "thing")
    credential = make_credential(world)
    simulator = GitHubSimulator(world, **credential.simulator)
    database, broker = make_url(settings.database), make_url(settings.redis)
    secrets = [*credential.marks, API_KEY, FLOWER, FLOWER.partition(":")[2], WRONG]
    secrets += [str(database.password), str(broker.password)]
    marks = {spelling for secret in secrets for spelling in spellings(secret)}
    own = {
        **credential.environment,
        "API_KEY": API_KEY,
        "FLOWER_BASIC_AUTH": FLOWER,
        "LOG_FORMAT": log_format,
        "LOG_LEVEL": "DEBUG",
        "SWEEP_INTERVAL": "1",
    }
    places: list[str] = []
    with serving(simulator) as github:
        with running(
            make_system(GITHUB_API_URL=github, **own), "api", "worker", "beat", "flower"
        ) as system:
            send_wrong_requests(system)
            answer = put(system, {"login": "octocat"})
            assert answer.status_code in (201, 202)
            wait_until(lambda: "load finished" in system.log("worker"), 30)
            # The credential of the last request: for an App, the token that GitHub issued.
            sent = simulator.credentials.issued_tokens or [TOKEN]
            echoed = next(iter(sent))
            with echoing(simulator, echoed, 500):
                put(system, {"id": accounts[1].id, "login": "failing"})
                recorded = wait_until(lambda: failure(system, accounts[1].id), 30)
            with echoing(simulator, echoed, 401):
                put(system, {"id": accounts[2].id, "login": "refused"})
                wait_until(lambda: "refuses the credentials" in system.log("worker"), 30)
            shown = [*pages(system)]
            shown += [("scans", reason(system, account.id)) for account in accounts]
            places += found(iter(shown), marks)
            places += found(search.in_process_lists(system), marks)
        places += found(search.in_logs(system), marks)
        places += found(search.in_files(system), marks)
        with redis.Redis.from_url(settings.redis) as client:
            places += found(search.in_redis(client), marks)
        places += found(search.in_database(connection), marks)
    assert places == []
    assert "no good: ***" in recorded


def reason(system: System, user_id: int) -> str:
    scans = system.call("GET", f"/v1/users/{user_id}/scans").json()
    return str(scans[0]["reason"] or "") if scans and isinstance(scans, list) else ""


def failure(system: System, user_id: int) -> str:
    """Return the reason once a scan has failed; before, the record says that there was none."""
    said = reason(system, user_id)
    return "" if said.startswith("no scan yet") else said


@pytest.mark.parametrize("broken", ["DATABASE_URL", "REDIS_URL", "both away"])
def test_a_password_is_not_logged_when_its_server_refuses_it_or_is_away(
    make_system: Any, settings: Settings, broken: str
) -> None:
    urls = {
        "DATABASE_URL": make_url(settings.database).set(password=WRONG),
        "REDIS_URL": make_url(settings.redis).set(password=WRONG),
    }
    if broken == "both away":
        urls = {name: url.set(host="127.0.0.1", port=1) for name, url in urls.items()}
    else:
        urls = {broken: urls[broken]}
    wrong = {name: url.render_as_string(hide_password=False) for name, url in urls.items()}
    system = make_system(
        GITHUB_API_URL="http://127.0.0.1:1", LOG_LEVEL="DEBUG", SWEEP_INTERVAL="1", **wrong
    )
    secrets = [WRONG, *(str(make_url(url).password) for url in (settings.database, settings.redis))]
    marks = {spelling for secret in secrets for spelling in spellings(secret)}
    try:
        for name in ("api", "worker", "beat", "flower"):
            system.start(name)
        wait_until(lambda: answers(system), 30)
        content = [
            (path, system.call(method, path, json=body).text)
            for method, path, body in (
                ("GET", "/readyz", None),
                ("GET", "/metrics", None),
                ("GET", "/v1/users", None),
                ("PUT", "/v1/users", {"login": "octocat"}),
                ("PUT", "/v1/users", {"id": 1, "login": "octocat"}),
            )
        ]
        assert '"unavailable"' in content[0][1]
        if broken != "DATABASE_URL":
            wait_until(lambda: "redis" in system.log("worker").lower(), 30)
        places = found(iter(content), marks) + found(search.in_process_lists(system), marks)
    finally:
        system.stop()
    assert places + found(search.in_logs(system), marks) == []


def answers(system: System) -> bool:
    try:
        return system.call("GET", "/healthz").status_code == 200
    except httpx.TransportError:
        return False
