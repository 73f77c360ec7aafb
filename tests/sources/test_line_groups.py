"""Lines grouped as they stream are the groups of all lines together."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import instant
from shared.sources.containers import Line, groups_of
from shared.sources.line_groups import Backwards, Forwards
from tests.sources.cloud_pods import CHAINED

WORDS = [
    *CHAINED,
    "The above exception was the direct cause of the following exception:",
    "  + Exception Group Traceback (most recent call last):",
    "  | ExceptionGroup: two (2 sub-exceptions)",
    "  +-+---------------- 1 ----------------",
    " ",
    "word",
    "INFO: word",
    "some words",
    "pkg.mod.Error",
    "[2026-11-20 11:00:00] [INFO] words",
    "{",
    "}",
    "Ungültig: ₹",
]
# Mostly at once, as a traceback is printed; sometimes with ties, sometimes after a pause.
GAPS = [0, 1, 1, 1, 1, 1000, 9 * instant.SECOND, 11 * instant.SECOND]

printed = st.lists(
    st.tuples(
        st.sampled_from(WORDS) | st.none(),
        st.sampled_from(GAPS),
        st.sampled_from("ab"),
        st.sampled_from(["", "", CHAINED]),
    ),
    max_size=40,
)


def lines_of(drawn: list[Any]) -> list[Line]:
    """Lines of two containers in the order of time."""
    at = 0
    lines: list[Line] = []
    for text, gap, container, more in drawn:
        at += gap
        for one in [text, *more]:
            lines.append(
                Line(timestamp=at, insert_id=f"{len(lines):04}", text=one, size=1, container=container)
            )
            at += bool(more)
    return lines


def told(groups: Any) -> list[list[str]]:
    """Groups by the ids of their lines, in the order of their first lines."""
    return sorted([line.insert_id for line in group] for group in groups)


@pytest.mark.parametrize("forwards", [True, False])
@settings(max_examples=400, deadline=None)
@given(drawn=printed, settle_every=st.integers(1, 9))
def test_a_stream_groups_as_the_whole_does(forwards: bool, drawn: list[Any], settle_every: int) -> None:
    """Whichever way it is read, and nothing is told that lies at or behind the frontier later on."""
    lines = lines_of(drawn)
    whole = [group for name in "ab" for group in groups_of(line for line in lines if line.container == name)]
    grouping = Forwards() if forwards else Backwards()
    found: list[list[Line]] = []
    for number, line in enumerate(lines if forwards else reversed(lines)):
        frontier = grouping.frontier()
        new = list(grouping.push(line))
        if number % settle_every == 0:
            new += grouping.settle()
        for group in new:
            first = group[0].timestamp
            assert frontier is not None
            assert first >= frontier if forwards else first <= frontier
        found += new
    found += grouping.finish()

    assert told(found) == told(whole)


def test_backwards_keeps_no_more_than_a_traceback_may_have() -> None:
    """A container that prints nothing but indented lines does not fill the memory."""
    grouping = Backwards()
    most = 0
    released = 0
    for number in range(5000):
        line = Line(timestamp=5000 - number, insert_id=f"{number:05}", text="  deep", size=1)
        released += sum(len(group) for group in grouping.push(line))
        most = max(most, number + 1 - released)

    assert most <= 1002
    assert grouping.frontier() is not None
