"""Faults that the fakes inject: which request, after how much, in which way, how often."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

HOW = {"cut", "reset", "stall", "corrupt"}


@dataclass
class Fault:
    """One planned fault of an HTTP answer.

    `how`: "cut" closes the connection after `after_bytes` of the body, "reset" does so with a TCP
    reset, "stall" sends nothing more until the server stops, "corrupt" flips the bits of the byte at
    `after_bytes`; a number is the HTTP status to answer with. `times` None is for ever; the first
    `skip` matching requests pass. `then` runs when the answer is decided and before any of it is sent.
    """

    kind: str
    bucket: str | None
    name: str | None
    after_bytes: int
    how: str | int
    times: int | None
    skip: int
    then: Callable[[], object] | None

    def __post_init__(self) -> None:
        if isinstance(self.how, str) and self.how not in HOW:
            raise ValueError(f"how is a status or one of {sorted(HOW)}")

    def concerns(self, kind: str, bucket: str, name: str | None) -> bool:
        """Whether a request of this kind, for this bucket and object (or prefix), is meant."""
        return (
            self.times != 0
            and self.kind == kind
            and self.bucket in (None, bucket)
            and self.name in (None, name)
        )


class FaultPlan:
    """The faults in the order they were planned; the first that concerns a request takes it."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, kind: str, bucket: str, name: str | None) -> Fault | None:
        """The fault that strikes this request, counted down; None when it passes."""
        with self._lock:
            for fault in self._faults:
                if not fault.concerns(kind, bucket, name):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    return None
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None
