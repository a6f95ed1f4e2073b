"""What becomes of one request: while it is under way, its outcome, its record."""

from dataclasses import dataclass, field

from simulator.faults import UNDELIVERED, Fault, FaultKind
from simulator.limits import Resource, Wait
from simulator.messages import Answer


@dataclass(frozen=True)
class RequestRecord:
    """One request that reached the simulated GitHub."""

    method: str
    path: str
    resource: str
    cost: int
    at: float
    status: int
    """0 if no answer was delivered."""
    authenticated: bool
    in_flight: int
    fault: str | None = None
    query: str = ""


@dataclass(frozen=True)
class Outcome:
    """An answer, how to deliver it, and what it cost."""

    answer: Answer
    resource: Resource
    cost: int = 0
    authenticated: bool = False
    replaced_by: Fault | None = None
    faults: tuple[Fault, ...] = ()

    @property
    def undelivered(self) -> Fault | None:
        """The fault that breaks the delivery, if any."""
        fault = self.replaced_by
        return fault if fault is not None and fault.kind in UNDELIVERED else None

    @property
    def cut(self) -> int | None:
        """After how many bytes of the body the connection closes; None if it does not."""
        for fault in (self.replaced_by, *self.faults):
            if fault is not None and fault.cut is not None:
                return fault.cut
        return len(self.answer.body) // 2 if self.fault(FaultKind.SHORT_BODY) else None

    @property
    def states_waits(self) -> bool:
        """Whether a client can see a wait: a body that is cut may have been its only sign."""
        headers = self.answer.headers
        return (
            self.cut is None
            or self.answer.status != 200
            or "retry-after" in headers
            or headers.get("x-ratelimit-remaining") == "0"
        )

    def fault(self, kind: FaultKind) -> Fault | None:
        """Return the fault of a kind that changes the answer, if any."""
        return next((fault for fault in self.faults if fault.kind is kind), None)


@dataclass
class Flight:
    """One request while it is under way."""

    in_flight: int
    """The number of requests under way when it arrived, itself included."""
    arrival: int
    waits: list[Wait] = field(default_factory=list)
    """The waits that its answer states."""
