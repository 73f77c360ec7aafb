"""How the dependencies are: each asked side by side, with a deadline of its own, at most twice a minute."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, Final

from shared.sources.source import Health, Status

DEADLINE_S: Final = 2.0
FRESH_S: Final = 30.0
# What a check may take beyond its own deadline before it is given up on.
GRACE_S: Final = 0.5

_logger = logging.getLogger(__name__)

Check = Callable[[float], Health]


class Checks:
    """The checks of one service. A report is kept for 30 s; callers that come meanwhile share it."""

    def __init__(
        self, checks: Mapping[str, Check], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._checks = dict(checks)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._report: dict[str, Any] | None = None
        self._asked_at = 0.0

    def report(self) -> dict[str, Any]:
        """`{"status", "checks": [{"name", "status", "latency_ms"}]}`; never what went wrong inside."""
        with self._lock:
            now = self._monotonic()
            if self._report is None or now - self._asked_at >= FRESH_S:
                self._report = _summed_up(self._ask())
                self._asked_at = now
            return self._report

    def _ask(self) -> list[Health]:
        pool = ThreadPoolExecutor(max_workers=max(1, len(self._checks)), thread_name_prefix="health")
        began = self._monotonic()
        asked = {pool.submit(_guarded, name, check): name for name, check in self._checks.items()}
        done, _ = wait(asked, timeout=DEADLINE_S + GRACE_S)
        late_ms = round((self._monotonic() - began) * 1000, 1)
        pool.shutdown(wait=False, cancel_futures=True)
        return [
            future.result() if future in done else Health(name, "down", late_ms)
            for future, name in asked.items()
        ]


def _guarded(name: str, check: Check) -> Health:
    began = time.monotonic()
    try:
        return check(DEADLINE_S)
    except Exception:
        # A source that cannot even be built is down; why is for the log alone.
        _logger.exception("health check failed")
        return Health(name, "down", round((time.monotonic() - began) * 1000, 1))


def _summed_up(healths: list[Health]) -> dict[str, Any]:
    states = {health.status for health in healths}
    status: Status = "ok" if states <= {"ok"} else "down" if states == {"down"} else "degraded"
    checks = [{"name": h.name, "status": h.status, "latency_ms": h.latency_ms} for h in healths]
    return {"status": status, "checks": checks}
