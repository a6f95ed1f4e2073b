"""A call to the simulated APIs, and an answer to it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import httpx
import orjson

from simulator.credentials import Credential
from simulator.faults import Fault

JSON = "application/json; charset=utf-8"
DOCUMENTATION = "https://docs.github.com/rest"


@dataclass(frozen=True)
class Call:
    """One request, with the credential and the faults that belong to it."""

    method: str
    path: str
    query: httpx.QueryParams
    headers: httpx.Headers
    body: bytes
    base: str
    """The address of the REST API by which the caller reached it; links lead back to it."""
    pages: str
    """The address of GitHub's pages."""
    credential: Credential
    now: float
    version: str
    faults: tuple[Fault, ...] = ()


@dataclass
class Answer:
    """What is sent back, before the rate headers are added."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON

    @classmethod
    def json(
        cls, content: Any, status: int = 200, headers: dict[str, str] | None = None
    ) -> "Answer":
        """Make an answer of JSON."""
        return cls(status, orjson.dumps(content), headers or {})

    @classmethod
    def error(
        cls, status: int, message: str, documentation_url: str = DOCUMENTATION, **more: Any
    ) -> "Answer":
        """Make an error as GitHub's REST API words it."""
        content = {
            "message": message,
            **more,
            "documentation_url": documentation_url,
            "status": str(status),
        }
        return cls.json(content, status)


@lru_cache(maxsize=65_536)
def timestamp(moment: datetime) -> str:
    """Return a time as GitHub writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
