"""The simulator's own routes, by which a test or a demonstration controls it over HTTP."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

import httpx
import orjson

from simulator.entities import Account, Repository
from simulator.faults import Fault, Match
from simulator.limits import Limits, Resource
from simulator.messages import Answer

if TYPE_CHECKING:
    from simulator.server import GitHubSimulator

PREFIX = "/_simulator"


class ControlError(Exception):
    """A control request that cannot be carried out. The text says why."""


class Control:
    """Answers the control routes, which use no budget and are not recorded."""

    def __init__(self, simulator: "GitHubSimulator") -> None:
        self._simulator = simulator
        self._routes: dict[tuple[str, str], Callable[[httpx.Request], Any]] = {
            ("GET", ""): self._state,
            ("GET", "/day"): self._day,
            ("PUT", "/day"): self._set_day,
            ("GET", "/truth"): self._truth,
            ("GET", "/requests"): self._requests,
            ("DELETE", "/requests"): self._forget_requests,
            ("GET", "/accounts"): self._accounts,
            ("POST", "/accounts"): self._add_account,
            ("POST", "/repositories"): self._add_repository,
            ("POST", "/mutations"): self._mutate,
            ("GET", "/faults"): self._faults,
            ("POST", "/faults"): self._add_fault,
            ("DELETE", "/faults"): self._clear_faults,
            ("PUT", "/limits"): self._set_limits,
            ("PUT", "/latency"): self._set_latency,
        }
        self._mutations: dict[str, Callable[[dict[str, Any]], None]] = {
            "set_counts": self._set_counts,
            "rename_account": self._rename_account,
            "delete_account": self._delete_account,
            "convert_to_organization": self._convert_to_organization,
            "rename_repository": self._rename_repository,
            "transfer": self._transfer,
            "delete_repository": self._delete_repository,
            "hide_repository": self._hide_repository,
            "show_repository": self._show_repository,
            "block_repository": self._block_repository,
        }

    def answer(self, request: httpx.Request) -> Answer:
        """Answer a control request."""
        path = request.url.path.removeprefix(PREFIX).rstrip("/")
        route = self._routes.get((request.method, path))
        if route is None:
            return Answer.json({"error": f"no control route {request.method} {path or '/'}"}, 404)
        try:
            with self._simulator.world.lock:
                content = route(request)
        except (ControlError, ValueError, TypeError, KeyError) as error:
            return Answer.json({"error": str(error)}, 422)
        return Answer(200, orjson.dumps(content, option=orjson.OPT_INDENT_2))

    def _state(self, _: httpx.Request) -> dict[str, Any]:
        simulator = self._simulator
        resources = Counter(record.resource for record in simulator.requests)
        points: Counter[str] = Counter()
        for record in simulator.requests:
            points[record.resource] += record.cost
        return {
            "day": simulator.world.day,
            "requests": {str(resource): resources[resource] for resource in Resource},
            "points": {str(resource): points[resource] for resource in Resource},
            "statuses": Counter(str(record.status) for record in simulator.requests),
            "violations": [asdict(violation) for violation in simulator.violations],
            "peak_in_flight": simulator.peak_in_flight,
            "accounts": len(simulator.world.accounts),
            "repositories": len(simulator.world.truth()),
            "faults": len(simulator.faults.scripted),
        }

    def _day(self, _: httpx.Request) -> dict[str, Any]:
        return {"day": self._simulator.world.day}

    def _set_day(self, request: httpx.Request) -> dict[str, Any]:
        self._simulator.world.day = date.fromisoformat(str(_body(request)["day"]))
        return self._day(request)

    def _truth(self, request: httpx.Request) -> dict[str, Any]:
        asked = request.url.params.get("day")
        world = self._simulator.world
        day = date.fromisoformat(asked) if asked else world.day
        truth = {str(number): list(row) for number, row in world.truth(day).items()}
        return {"day": day, "repositories": truth}

    def _requests(self, _: httpx.Request) -> dict[str, Any]:
        return {"requests": [asdict(record) for record in self._simulator.requests]}

    def _forget_requests(self, _: httpx.Request) -> dict[str, Any]:
        self._simulator.reset_records()
        return {}

    def _accounts(self, _: httpx.Request) -> dict[str, Any]:
        world = self._simulator.world
        return {
            "accounts": [
                {
                    "id": account.id,
                    "login": account.login,
                    "name": account.name,
                    "type": str(account.type),
                    "repositories": sum(not r.private for r in world.repositories(account)),
                }
                for account in world.accounts
            ]
        }

    def _add_account(self, request: httpx.Request) -> dict[str, Any]:
        account = self._simulator.world.add_account(**_body(request))
        return {"id": account.id, "login": account.login}

    def _add_repository(self, request: httpx.Request) -> dict[str, Any]:
        body = _body(request)
        account = self._account({"login": body.pop("owner", "")})
        repository = self._simulator.world.add_repository(account, **body)
        return {"id": repository.id, "full_name": repository.full_name}

    def _mutate(self, request: httpx.Request) -> dict[str, Any]:
        body = _body(request)
        kind = body.pop("kind", None)
        mutation = self._mutations.get(kind) if isinstance(kind, str) else None
        if mutation is None:
            raise ControlError(f"kind must be one of {', '.join(self._mutations)}")
        mutation(body)
        return {}

    def _faults(self, _: httpx.Request) -> dict[str, Any]:
        return {
            "faults": [
                {**asdict(scripted.fault), "times": scripted.times, "used": scripted.used}
                for scripted in self._simulator.faults.scripted
            ]
        }

    def _add_fault(self, request: httpx.Request) -> dict[str, Any]:
        body = _body(request)
        times, match = body.pop("times", 1), body.pop("match", None)
        matcher = Match(**match) if isinstance(match, dict) else match
        self._simulator.fail(Fault.from_json(body), times=times, match=matcher)
        return {}

    def _clear_faults(self, _: httpx.Request) -> dict[str, Any]:
        self._simulator.heal()
        return {}

    def _set_limits(self, request: httpx.Request) -> dict[str, Any]:
        self._simulator.set_limits(Limits(**_body(request)))
        return {}

    def _set_latency(self, request: httpx.Request) -> dict[str, Any]:
        self._simulator.latency = float(_body(request)["seconds"])
        return {}

    # Mutations

    def _account(self, body: dict[str, Any]) -> Account:
        login = str(body.get("login", ""))
        account = self._simulator.world.account(login)
        if account is None:
            raise ControlError(f"no account {login!r}")
        return account

    def _repository(self, body: dict[str, Any]) -> Repository:
        world = self._simulator.world
        wanted = body.get("repository")
        if isinstance(wanted, int):
            found = world.repository_by_id(wanted)
        else:
            owner, _, name = str(wanted).partition("/")
            found = world.repository(owner, name)
        if found is None:
            raise ControlError(f"no repository {wanted!r}")
        return found

    def _set_counts(self, body: dict[str, Any]) -> None:
        repository = self._repository(body)
        del body["repository"]
        self._simulator.world.set_counts(repository, **body)

    def _rename_account(self, body: dict[str, Any]) -> None:
        self._simulator.world.rename_account(self._account(body), str(body["new_login"]))

    def _delete_account(self, body: dict[str, Any]) -> None:
        self._simulator.world.delete_account(self._account(body))

    def _convert_to_organization(self, body: dict[str, Any]) -> None:
        self._simulator.world.convert_to_organization(self._account(body))

    def _rename_repository(self, body: dict[str, Any]) -> None:
        self._simulator.world.rename_repository(self._repository(body), str(body["new_name"]))

    def _transfer(self, body: dict[str, Any]) -> None:
        account = self._account({"login": body["new_owner"]})
        self._simulator.world.transfer(self._repository(body), account)

    def _delete_repository(self, body: dict[str, Any]) -> None:
        self._simulator.world.delete_repository(self._repository(body))

    def _hide_repository(self, body: dict[str, Any]) -> None:
        self._simulator.world.hide_repository(self._repository(body))

    def _show_repository(self, body: dict[str, Any]) -> None:
        self._simulator.world.show_repository(self._repository(body))

    def _block_repository(self, body: dict[str, Any]) -> None:
        repository = self._repository(body)
        self._simulator.world.block_repository(repository, body.get("reason", "dmca"))


def _body(request: httpx.Request) -> dict[str, Any]:
    try:
        content = orjson.loads(request.content)
    except orjson.JSONDecodeError as error:
        raise ControlError("the body is not JSON") from error
    if not isinstance(content, dict):
        raise ControlError("the body is not a JSON object")
    return content
