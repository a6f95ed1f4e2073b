"""What a worker counts: scans by outcome, rows, requests to GitHub and their time.

Children count where ``worker.exposition`` said before this module was imported; where it said
nothing, each in its own memory, and nobody asks. Every series is there from the start, at 0: a
first failure is then an increase, and a query finds what it names.
"""

from prometheus_client import Counter, Histogram

from common.states import ScanState
from worker.github.answers import Meaning

_OUTCOMES = [state for state in ScanState if state is not ScanState.CLAIMED]

_RESOURCES = ("core", "graphql")

_scans = Counter(
    "repopulse_scans", "Scans of a user that came to an end or were put back, by how", ["outcome"]
)
_rows = Counter("repopulse_rows_written", "Daily rows that are new or different")
_requests = Counter(
    "repopulse_github_requests",
    "Requests to GitHub by what the answer meant",
    ["resource", "meaning"],
)
_durations = Histogram(
    "repopulse_github_request_duration_seconds",
    "Time from a request to GitHub to the end of its answer",
    ["resource"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30),
)


def _word(meaning: Meaning) -> str:
    return meaning.name.lower()


for _outcome in _OUTCOMES:
    _scans.labels(_outcome)
for _resource in _RESOURCES:
    _durations.labels(_resource)
    for _meaning in Meaning:
        _requests.labels(_resource, _word(_meaning))


def note_scan(outcome: ScanState, rows: int) -> None:
    """Count a scan of one user, and the rows that it wrote."""
    _scans.labels(outcome).inc()
    _rows.inc(rows)


def note_request(resource: str, meaning: Meaning, seconds: float) -> None:
    """Count a request to GitHub.

    :param resource: ``core`` or ``graphql``
    :param seconds: from its start to the end of the answer
    """
    _requests.labels(resource, _word(meaning)).inc()
    _durations.labels(resource).observe(seconds)
