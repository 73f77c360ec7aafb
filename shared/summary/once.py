"""One run for each key: repeated requests get the first one's answer, whichever instance they reach.

A run holds a lease while it works. When its instance dies the lease expires and the next request takes over:
what was begun is counted, so that a run which keeps dying does not keep paying for a model.
"""

import hashlib
import time
from collections.abc import Callable
from typing import Final

import msgspec

from shared.errors import Conflict, KeyReused
from shared.policy import UNRESTRICTED, Policy
from shared.state import GuardedStore

KEPT_S: Final = 86_400.0
# Longer than a run may take.
LEASE_S: Final = 70.0
# A run and one more after a crash.
MAX_CALLS: Final = 2
# Between two looks at what another does: more each time, for a look is a read and a write.
FIRST_PAUSE_S: Final = 0.1
MAX_PAUSE_S: Final = 1.0
# Not worth beginning with less.
LEAST_S: Final = 5.0
_CALLS: Final = "calls"


class Run(msgspec.Struct, frozen=True):
    """What makes two requests one: the caller with what they may see, and the key; and that their bodies are
    equal."""

    caller: str
    key: str
    body_hash: str
    policy: Policy = UNRESTRICTED

    @property
    def digest(self) -> str:
        """Stands for caller, policy and key."""
        encoded = msgspec.json.encode([self.caller, self.policy, self.key], order="deterministic")
        return hashlib.sha256(encoded).hexdigest()[:32]


class _Claim(msgspec.Struct, frozen=True):
    """The first request's body; its answer, once there is one."""

    body_hash: str
    answer: bytes = b""


class Once:
    """Runs keyed by callers; answers are kept for a day."""

    def __init__(self, store: GuardedStore) -> None:
        self._store = store

    def begin(self, run: Run, remaining_s: Callable[[], float]) -> bytes | None:
        """The answer that there is already; None when the caller is to make it, and then `finish`.

        Raises: KeyReused for another body under the same key; Conflict when another request works on it for
        longer than this one has time.
        """
        self._store.create(_claim(run), msgspec.json.encode(_Claim(run.body_hash)), KEPT_S)
        pause_s = FIRST_PAUSE_S
        while True:
            claim = self._claim(run)
            if claim.body_hash != run.body_hash:
                raise KeyReused("This idempotency key came with another body before.")
            if claim.answer:
                return claim.answer
            if self._store.create(_lease(run), b"1", LEASE_S):
                # Between our look and our lease the other may have finished.
                return self._claim(run).answer or None
            if remaining_s() - pause_s < LEAST_S:
                raise Conflict("The same request is still being worked on.", retry_after_s=10)
            time.sleep(pause_s)
            pause_s = min(MAX_PAUSE_S, pause_s * 1.5)

    def may_call(self, run: Run | None) -> bool:
        """Whether the run may still ask a model; says beforehand that it does."""
        if run is None:
            return True
        key = f"once/calls/{run.digest}"
        self._store.increment(key, {_CALLS: 1}, KEPT_S)
        return self._store.counter(key).get(_CALLS, 1) <= MAX_CALLS

    def finish(self, run: Run, answer: bytes) -> None:
        """Keeps the answer, and lets go."""
        self._store.set(_claim(run), msgspec.json.encode(_Claim(run.body_hash, answer)), KEPT_S)
        self._store.delete(_lease(run))

    def abandon(self, run: Run) -> None:
        """Lets go without an answer: the next request begins anew."""
        self._store.delete(_lease(run))

    def _claim(self, run: Run) -> _Claim:
        """Without a store that answers everybody is the first."""
        try:
            return msgspec.json.decode(self._store.get(_claim(run)) or b"", type=_Claim)
        except msgspec.MsgspecError:
            return _Claim(run.body_hash)


def _claim(run: Run) -> str:
    return f"once/{run.digest}"


def _lease(run: Run) -> str:
    return f"once/lease/{run.digest}"
