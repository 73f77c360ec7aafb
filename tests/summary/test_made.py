"""Summaries by content: one request makes them, and whoever waits for it in vain takes nothing from it."""

import pytest

from shared.state import GuardedStore, MemoryStore
from shared.summary.made import Found, MadeSummaries
from tests.summary.summaries import summary


@pytest.fixture
def made() -> MadeSummaries:
    """With a store whose clock stands still."""
    return MadeSummaries(GuardedStore(MemoryStore(lambda: 1_795_600_000.0)))


def test_one_makes_it_and_the_others_get_it(made: MadeSummaries) -> None:
    """The first finds nothing and has the lease; when it is kept, it is there for all."""
    assert made.find("s-1", lambda: 60.0) == Found(None, "miss", leased=True)

    made.keep(summary("s-1"), 60.0)
    made.release("s-1")

    assert made.find("s-1", lambda: 60.0) == Found(summary("s-1"), "hit")


def test_who_waited_in_vain_has_no_lease(made: MadeSummaries) -> None:
    """Nor does it release the other's: a third still waits for that."""
    assert made.find("s-1", lambda: 60.0).leased

    assert made.find("s-1", lambda: 1.0) == Found(None, "miss")
    assert made.find("s-1", lambda: 1.0) == Found(None, "miss")


def test_nothing_is_kept_for_no_time(made: MadeSummaries) -> None:
    """What failed for reasons of its caller's is made anew for the next."""
    made.keep(summary("s-1"), 0.0)

    assert made.find("s-1", lambda: 60.0).summary is None
