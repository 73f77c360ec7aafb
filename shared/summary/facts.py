"""Numbers about a window, counted by code: what a summary says in figures is taken from here.

Everything is a sum, a maximum or a union: facts of parts merge into the facts of the whole, in any order.
"""

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from shared import instant
from shared.entry import Severity
from shared.query import Window
from shared.summary.line import Line, State, Telling

# A bot that said at least this much, and then nothing for a quarter of the window, fell silent.
_MIN_ENTRIES: Final = 20
# Bots and strategies that are told of by name; texts of callers could make any number.
MAX_NAMES: Final = 50


class Seen(msgspec.Struct, frozen=True, order=True):
    """A bot's last entry."""

    at: int
    id: str


class Facts:
    """Counts of lines; not safe to share between threads."""

    def __init__(self) -> None:
        self.entries = 0
        self._severities: Counter[Severity] = Counter()
        self._sources: Counter[str] = Counter()
        self._bots: Counter[str] = Counter()
        self._hours: Counter[int] = Counter()
        self._trades: dict[tuple[str, ...], Telling] = {}
        self.last: dict[str, Seen] = {}

    def add(self, line: Line) -> None:
        """One entry."""
        self.entries += 1
        self._severities[line.severity] += 1
        self._sources[line.source] += 1
        self._hours[line.timestamp // instant.HOUR] += 1
        if line.bot:
            self._bots[line.bot] += 1
            self.see(line)
        if line.trade:
            self._believe(line.trade)

    def see(self, line: Line) -> None:
        """Only that its bot was there."""
        if bot := line.bot:
            self._see(bot, line.timestamp, line.id)

    def merge(self, other: "Facts") -> None:
        """The facts of both; the other stays as it is."""
        self.entries += other.entries
        self._severities += other._severities
        self._sources += other._sources
        self._bots += other._bots
        self._hours += other._hours
        for bot, seen in other.last.items():
            self._see(bot, seen.at, seen.id)
        for told in other._trades.values():
            self._believe(told)

    def document(self, window: Window) -> dict[str, Any]:
        """As the API has them, but for what takes a look at the window before. `by_hour` is by the hour's
        begin in UTC. Of trades: `opened` were accepted, and `closed` of them before the window's end."""
        trades = trade_facts(self._trades.values(), window)
        return {
            "entries": self.entries,
            "by_severity": {
                one.name: self._severities[one] for one in sorted(self._severities, reverse=True)
            },
            "by_source": _largest(self._sources),
            "by_bot": _largest(self._bots),
            "by_hour": {
                instant.to_text(hour * instant.HOUR)[:16] + "Z": self._hours[hour]
                for hour in sorted(self._hours)
            },
            "new_patterns": [],
            "silent_bots": [],
            "trades": trades,
        }

    def told_trades(self, state: State) -> list[Telling]:
        """The trades that ended so, the latest last."""
        return sorted(told for told in self._trades.values() if told.state == state)

    def silent(self, before: dict[str, Seen], window: Window) -> dict[str, Seen]:
        """Bots that fell silent, with their last entries: who wrote in the window `before` this one and not
        in it, and who wrote a good deal and then nothing for its last quarter while others did, though not
        so in the window before: who rests every night has not fallen silent."""
        span = window.end - window.start
        quiet = window.end - span // 4
        restless = {bot for bot, seen in before.items() if seen.at >= quiet - span}
        others_write = any(seen.at >= quiet for seen in self.last.values())
        fell = {
            bot: seen
            for bot, seen in self.last.items()
            if others_write and seen.at < quiet and self._bots[bot] >= _MIN_ENTRIES and bot in restless
        }
        gone = {bot: seen for bot, seen in before.items() if bot not in self.last}
        return dict(sorted((gone | fell).items()))

    def _see(self, bot: str, at: int, entry_id: str) -> None:
        known = self.last.get(bot)
        if known is None or (at, entry_id) > (known.at, known.id):
            self.last[bot] = Seen(at, entry_id)

    def _believe(self, told: Telling) -> None:
        known = self._trades.get(told.key)
        if known is None or told > known:
            self._trades[told.key] = told


def trade_facts(tellings: Iterable[Telling], window: Window) -> dict[str, Any]:
    """Counts and result of trades, each told once, in all and by bot and by strategy."""
    told = sorted(tellings)
    return {
        **_counts(told, window),
        "by_bot": _by([(one.bot, one) for one in told], window),
        "by_strategy": _by([(one.strategy, one) for one in told], window),
    }


def _by(named: list[tuple[str, Telling]], window: Window) -> dict[str, Any]:
    sizes = Counter(name for name, _ in named if name)
    return {name: _counts([told for its, told in named if its == name], window) for name in _largest(sizes)}


def _counts(told: list[Telling], window: Window) -> dict[str, Any]:
    accepted = [one for one in told if one.state != "rejected"]
    closed = [one for one in accepted if one.state == "closed" and one.closed_at < window.end]
    return {
        "opened": len(accepted),
        "closed": len(closed),
        "rejected": len(told) - len(accepted),
        "winners": sum(one.pnl > 0 for one in closed),
        "losers": sum(one.pnl < 0 for one in closed),
        # Exact whatever the order: fsum rounds once.
        "pnl": round(math.fsum(one.pnl for one in closed), 2),
    }


def _largest(counts: Counter[str]) -> dict[str, int]:
    """The largest first, equals by name; at most `MAX_NAMES`."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return dict(ranked[:MAX_NAMES])
