"""Counts in words: right for one and for many, and no more than is known."""

from collections.abc import Sequence
from typing import Any


def entries(count: int) -> str:
    """Not how often something happened: several stores may tell of it."""
    return "1 entry" if count == 1 else f"{count:,} entries"


def counted(count: int, what: str) -> str:
    """`1 trade`, `2 trades`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def trading(counts: dict[str, Any]) -> str:
    """How trading went, from the facts."""
    if not counts["opened"]:
        # Whether any were is not known: who asks for warnings reads of rejected ones alone.
        return f"{counted(counts['rejected'], 'trade')} rejected"
    return (
        f"{opened_trades(counts)}, {counts['closed']:,} closed, {counts['rejected']:,} rejected; "
        f"{counted(counts['winners'], 'winner')}, {counted(counts['losers'], 'loser')}, "
        f"pnl {counts['pnl']:+.2f}"
    )


def opened_trades(trades: dict[str, Any]) -> str:
    """`2 trades opened`."""
    return f"{counted(trades['opened'], 'trade')} opened"


def listed(names: Sequence[str], most: int) -> str:
    """`a, b and c`; beyond `most` names, how many more there are."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most:,} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
