"""A call as the simulated APIs see it, and the answer they give."""

from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from simulator.credentials import Credential
from simulator.faults import Fault

JSON = "application/json; charset=utf-8"
DOCUMENTATION = "https://docs.github.com/rest"


@dataclass(frozen=True)
class Call:
    """One request, with what is already known about it."""

    method: str
    path: str
    query: httpx.QueryParams
    headers: httpx.Headers
    body: bytes
    base: str
    """Scheme and host by which the caller reached the simulator; links lead back to it."""
    credential: Credential
    now: float
    version: str
    faults: tuple[Fault, ...] = ()


@dataclass
class Answer:
    """What is sent back, before the rate headers are put on."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON

    @classmethod
    def json(
        cls, content: Any, status: int = 200, headers: dict[str, str] | None = None
    ) -> "Answer":
        """An answer of JSON."""
        return cls(status, orjson.dumps(content), headers or {})

    @classmethod
    def error(
        cls, status: int, message: str, documentation_url: str = DOCUMENTATION, **more: Any
    ) -> "Answer":
        """An error as REST words it."""
        content = {
            "message": message,
            **more,
            "documentation_url": documentation_url,
            "status": str(status),
        }
        return cls.json(content, status)
