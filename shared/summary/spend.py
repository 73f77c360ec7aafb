"""What models cost, and how much each caller may spend in a day.

The most that a call can cost is booked before it is made and corrected by what it did cost: callers who ask
at once cannot spend the same dollar twice. A call that was never finished stays booked.
"""

import hashlib
import math
import threading
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from shared.state import GuardedStore

# US dollars for a million tokens read and written, as of 2026-11.
# Source: https://platform.openai.com/docs/pricing
PRICES: Final[dict[str, tuple[float, float]]] = {
    "gpt-4o-mini": (0.15, 0.60),
    "gpt-4o": (2.50, 10.00),
    "gpt-4.1": (2.00, 8.00),
    "gpt-4.1-mini": (0.40, 1.60),
    "gpt-4.1-nano": (0.10, 0.40),
    "gpt-5": (1.25, 10.00),
    "gpt-5-mini": (0.25, 2.00),
    "gpt-5-nano": (0.05, 0.40),
}
# A model that nobody priced must not look free.
UNKNOWN: Final = (10.00, 40.00)
_MICRO: Final = 1_000_000
_DAY_S: Final = 86_400.0
_FIELD: Final = "micro_usd"


def parse_prices(text: str) -> dict[str, tuple[float, float]]:
    """`{"my-model": [0.15, 0.60]}`: dollars for a million tokens, read and written, over the built-in table.

    Raises: ValueError, which names the fault and no value.
    """
    try:
        given = msgspec.json.decode(text or "{}", type=dict[str, tuple[float, float]])
    except msgspec.MsgspecError:
        raise ValueError('must be JSON such as {"gpt-4o-mini": [0.15, 0.60]}') from None
    if any(not math.isfinite(price) or not 0 <= price <= 10_000 for pair in given.values() for price in pair):
        raise ValueError("must have prices from 0 to 10000 dollars for a million tokens")
    return PRICES | given


class Prices:
    """Looks up models; a dated name (`gpt-4o-mini-2024-07-18`) costs what its family costs."""

    def __init__(self, table: Mapping[str, tuple[float, float]]) -> None:
        self._table = table

    def micro_usd(self, model: str, prompt_tokens: int, completion_tokens: int) -> int:
        """Millionths of a dollar, rounded up."""
        names = [name for name in self._table if model == name or model.startswith(f"{name}-20")]
        read, written = self._table[max(names, key=len)] if names else UNKNOWN
        return math.ceil(read * prompt_tokens + written * completion_tokens)


class Purse:
    """A day's money of each caller; days are UTC's. `limit_usd` 0: no model is called at all.

    While the state store is down each instance counts for itself.
    """

    def __init__(self, store: GuardedStore, clock: Callable[[], float], limit_usd: float) -> None:
        self._store = store
        self._clock = clock
        self._limit = round(limit_usd * _MICRO)
        self._here: dict[str, int] = {}
        self._lock = threading.Lock()

    def book(self, caller: str, micro_usd: int) -> str:
        """Books so much; the booking's key, or "" when the day's limit does not allow it."""
        key = f"spend/{int(self._clock() // _DAY_S)}/{hashlib.sha256(caller.encode()).hexdigest()[:24]}"
        if not self._limit or self._spent(key) + micro_usd > self._limit:
            return ""
        self._add(key, micro_usd)
        if self._spent(key) > self._limit:
            self._add(key, -micro_usd)
            return ""
        return key

    def correct(self, key: str, booked: int, cost: int) -> None:
        """The call has cost so much instead."""
        if cost != booked:
            self._add(key, cost - booked)

    def _spent(self, key: str) -> int:
        with self._lock:
            here = self._here.get(key, 0)
        return max(here, int(self._store.counter(key).get(_FIELD, 0)))

    def _add(self, key: str, micro_usd: int) -> None:
        with self._lock:
            if key not in self._here:
                # The days before are over.
                self._here = {k: v for k, v in self._here.items() if k.split("/")[1] == key.split("/")[1]}
            self._here[key] = self._here.get(key, 0) + micro_usd
        self._store.increment(key, {_FIELD: micro_usd}, 2 * _DAY_S)
