"""The servers that the API is compared with: two answer from memory, one uses an ORM.

All run in uvicorn with the API's options::

    python -m tests.benchmarks.reference_servers memory 5010 /var/tmp/body.json
    python -m tests.benchmarks.reference_servers bare 5010 /var/tmp/body.json
    python -m tests.benchmarks.reference_servers orm 5010 postgresql+psycopg2://…
"""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Session
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.limits import MAX_REQUESTS, RequestLimits
from api.http.middleware import BodyLimit, Head, RequestId
from api.http.traffic import MeasureRequests, Traffic
from common import tables
from local.ports import LOOPBACK, free_port
from tests.servers import ROOT
from tests.waiting import wait_until


@contextmanager
def reference_server(kind: str, argument: str) -> Iterator[int]:
    """Run a server until the end of the block; yield its port on 127.0.0.1."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.reference_servers", kind, str(port), argument],
        cwd=ROOT,
    )
    try:
        wait_until(lambda: _is_listening(port), 30)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def from_memory(body: bytes) -> FastAPI:
    """Make an application with the API's middleware that always answers the same bytes."""
    app = FastAPI()
    app.add_middleware(BodyLimit)
    app.add_middleware(RequestLimits, max_requests=MAX_REQUESTS, deadline=20)
    app.add_middleware(MeasureRequests, traffic=Traffic())
    app.add_middleware(Head)
    app.add_middleware(RequestId)

    @app.get("/v1/users/{user_id}/stats")
    async def show_stats() -> Response:
        return Response(body, media_type="application/json")

    return app


def bare(body: bytes) -> ASGIApp:
    """Make an ASGI application that answers the bytes, without a framework."""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


class Base(DeclarativeBase):
    """Mapped classes over the product's tables."""

    metadata = tables.metadata


class User(Base):
    __table__ = tables.users


class DailyStats(Base):
    __table__ = tables.daily_stats


class _User(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    login: str
    name: str


class _Row(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    repo_id: int
    date: date
    stargazers: int
    forks: int
    watchers: int


class _Stats(BaseModel):
    user: _User
    stats: list[_Row]


def with_orm(url: str) -> FastAPI:
    """Make an application as in the tutorials: ORM objects and a response model."""
    engine = create_engine(url, pool_size=16)
    app = FastAPI()

    def session() -> Iterator[Session]:
        with Session(engine) as opened:
            yield opened

    @app.get("/v1/users/{user_id}/stats", response_model=_Stats)
    def show_stats(
        user_id: int,
        date_from: date,
        date_to: date,
        database: Annotated[Session, Depends(session)],
    ) -> object:
        user = database.get(User, user_id)
        if user is None:
            raise HTTPException(404, "user not found")
        owned = select(tables.ownerships.c.repo_id).where(tables.ownerships.c.user_id == user_id)
        rows_of = tables.daily_stats.c
        rows = database.scalars(
            select(DailyStats)
            .where(
                rows_of.repo_id.in_(owned),
                rows_of.user_id == user_id,
                rows_of.date.between(date_from, date_to),
            )
            .order_by(rows_of.repo_id, rows_of.date)
        ).all()
        return {"user": user, "stats": rows}

    return app


def main() -> None:
    """Serve until SIGTERM."""
    kind, port, argument = sys.argv[1:]
    apps: dict[str, Callable[[], ASGIApp]] = {
        "memory": lambda: from_memory(Path(argument).read_bytes()),
        "bare": lambda: bare(Path(argument).read_bytes()),
        "orm": lambda: with_orm(argument),
    }
    uvicorn.run(
        apps[kind](),
        port=int(port),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
    )


if __name__ == "__main__":
    main()
