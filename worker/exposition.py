"""The worker's ``/metrics``: what its children count, summed and served by the main process.

Each child writes its counts to files of its place in the pool, not of its process: whoever takes
the place of a child that was killed or replaced goes on with its counts. So nothing is lost, there
are no files of the dead to look after, and their number stays that of the places. A file is made
whole before the first child starts: a disk that is full later must not kill who counts.
"""

import logging
import os
import shutil
from pathlib import Path

import prometheus_client
from billiard.process import current_process
from prometheus_client import CollectorRegistry, values
from prometheus_client.multiprocess import MultiProcessCollector

from common.settings import Settings

log = logging.getLogger(__name__)

_PARENT = "main"
"""The place of the main process, which counts nothing and has the series from the start."""

_FILE_SIZE = 64 * 1024
"""Bytes; some ten times what the series take, and the library lets a file grow."""


class Exposition:
    """Listens for Prometheus; to be made before ``worker.metrics`` is imported.

    :raise OSError: the port or the directory cannot be had
    """

    def __init__(self, settings: Settings) -> None:
        registry = CollectorRegistry()
        # Who has the port has the directory: workers of one host may share all settings else.
        self._server, _ = prometheus_client.start_http_server(
            settings.worker_metrics_port, settings.worker_metrics_host, registry
        )
        try:
            directory = settings.data_dir.absolute() / "metrics" / str(self.port)
            _make_files(directory, settings.worker_concurrency)
        except OSError:
            self._server.shutdown()
            self._server.server_close()
            raise
        # Where the library looks, each time that a process begins to count.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
        values.ValueClass = values.MultiProcessValue(_place)  # type: ignore[no-untyped-call]
        # Now, so that nothing is told before every series is there.
        import worker.metrics  # noqa: F401, PLC0415

        MultiProcessCollector(registry, str(directory))  # type: ignore[no-untyped-call]

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_port)

    def leave_to_parent(self, **_: object) -> None:
        """Close the inherited socket in a child.

        A child that outlives its parent would keep the port from the next worker.
        """
        self._server.socket.close()


def expose(settings: Settings) -> Exposition | None:
    """Listen for Prometheus if the settings say so; a worker that cannot says why, and works on."""
    if not settings.worker_metrics_port:
        return None
    try:
        return Exposition(settings)
    except OSError as error:
        log.warning(
            "no metrics on %s:%d: %s; work goes on without",
            settings.worker_metrics_host,
            settings.worker_metrics_port,
            error.strerror or error,
        )
        return None


def _place() -> int | str:
    """Return which child of the pool this process is; no two that live are the same."""
    return getattr(current_process(), "index", _PARENT)


def _make_files(directory: Path, children: int) -> None:
    """Make an empty directory with a file of zeros for each place, which means no counts."""
    if directory.exists():
        shutil.rmtree(directory)
    directory.mkdir(parents=True)
    for place in (_PARENT, *range(children)):
        for kind in ("counter", "histogram"):
            (directory / f"{kind}_{place}.db").write_bytes(bytes(_FILE_SIZE))
