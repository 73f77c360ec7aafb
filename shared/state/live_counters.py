"""What a process knows of counters' expiry, so that most increments need no read before the write."""

import threading
from collections import OrderedDict

_REMEMBERED = 4096


class LiveCounters:
    """Until when a counter is known to live, in seconds since the epoch; the latest few thousand."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def until(self, name: bytes) -> float:
        """No time after 0 if nothing is known."""
        return self._until.get(name, 0.0)

    def remember(self, name: bytes, until: float) -> None:
        """Note what was just read or written."""
        with self._lock:
            self._until[name] = until
            self._until.move_to_end(name)
            while len(self._until) > _REMEMBERED:
                self._until.popitem(last=False)
