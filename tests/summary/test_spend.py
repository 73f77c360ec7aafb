"""What models cost, and whose money it is: days, callers, prices, callers at once."""

import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.state import GuardedStore, MemoryStore, SqliteStore
from shared.summary.spend import UNKNOWN, Prices, Purse, parse_prices
from tests.functions.summary_world import AtOnce

NOON = 1_795_176_000.0 - 1_795_176_000.0 % 86_400 + 43_200
DAY = 86_400.0


@dataclass
class Clock:
    """The time."""

    now: float = NOON

    def __call__(self) -> float:
        return self.now


def purse(clock: Clock, limit_usd: float = 1.0) -> Purse:
    """One instance with a store of its own."""
    return Purse(GuardedStore(MemoryStore(clock)), clock, limit_usd)


def test_money_is_there_again_on_the_next_utc_day() -> None:
    """Spent at 23:59:59 UTC, there at 00:00:00."""
    clock = Clock(NOON + 43_199)
    mine = purse(clock)

    assert mine.book("me", 900_000)
    assert not mine.book("me", 200_000)
    clock.now += 1
    assert mine.book("me", 900_000)


def test_the_limit_itself_may_be_spent() -> None:
    """To the last millionth, and not one more."""
    mine = purse(Clock())

    assert mine.book("me", 999_999)
    assert mine.book("me", 1)
    assert not mine.book("me", 1)


def test_a_correction_frees_what_was_not_spent() -> None:
    """Booked at its most, corrected to what it was; a call that cost more counts as what it cost."""
    mine = purse(Clock())
    key = mine.book("me", 1_000_000)
    assert not mine.book("me", 1)
    mine.correct(key, 1_000_000, 400_000)

    assert mine.book("me", 600_000)
    other = mine.book("you", 100_000)
    mine.correct(other, 100_000, 2_000_000)
    assert not mine.book("you", 1)


def test_a_correction_after_midnight_is_of_the_day_of_the_booking() -> None:
    """What began yesterday takes nothing from today."""
    clock = Clock(NOON + 43_199)
    mine = purse(clock)
    key = mine.book("me", 500_000)
    clock.now += 30
    mine.correct(key, 500_000, 900_000)

    assert mine.book("me", 1_000_000)


@pytest.mark.parametrize("limit", [0.0, 1e-9])
def test_no_money_is_no_call(limit: float) -> None:
    """Not even a free one."""
    assert not purse(Clock(), limit).book("me", 0)


def test_callers_have_purses_of_their_own() -> None:
    """Names that begin alike, are empty, or hold slashes are different callers."""
    mine = purse(Clock())
    callers = ["a b", "a  b", "a/b", "", "a" * 10_000]

    assert all(mine.book(caller, 900_000) for caller in callers)
    assert not any(mine.book(caller, 200_000) for caller in callers)


def test_instances_share_a_purse(tmp_path: Path) -> None:
    """What one has booked the other may not spend."""
    clock = Clock()
    one, two = (Purse(GuardedStore(SqliteStore(tmp_path / "state.db", clock)), clock, 1.0) for _ in range(2))

    assert one.book("me", 700_000)
    assert not two.book("me", 400_000)
    assert two.book("me", 300_000)


def test_forty_at_once_never_spend_more_than_there_is(tmp_path: Path) -> None:
    """Over four instances: the bookings that succeeded fit the limit, and the sum says the same."""
    clock = Clock()
    stores = [SqliteStore(tmp_path / "state.db", clock) for _ in range(4)]
    purses = [Purse(GuardedStore(store), clock, 1.0) for store in stores]
    barrier = threading.Barrier(40)

    def book(mine: Purse) -> str:
        barrier.wait()
        return mine.book("me", 90_000)

    found = AtOnce([lambda mine=purses[n % 4]: book(mine) for n in range(40)]).run()  # type: ignore[misc]

    keys = [key for key in found if key]
    assert len(keys) <= 11
    ((_, sums),) = stores[0].counters("spend/")
    assert sums == {"micro_usd": 90_000 * len(keys)}
    assert purses[1].book("me", 1_000_000 - 90_000 * len(keys))


def test_a_caller_is_not_written_down() -> None:
    """Keys in the store name nobody."""
    store = MemoryStore(Clock())
    Purse(GuardedStore(store), Clock(), 1.0).book("https://accounts.google.com ops@example.com", 5)

    assert "ops" not in str([*store.counters("")])


def test_a_dated_model_costs_what_its_family_costs() -> None:
    """The longest name that fits; one that merely begins alike is another model."""
    prices = Prices(parse_prices(""))

    assert prices.micro_usd("gpt-4o-mini-2024-07-18", 1_000_000, 0) == 150_000
    assert prices.micro_usd("gpt-4o-2024-08-06", 1_000_000, 0) == 2_500_000
    assert prices.micro_usd("gpt-4o-mini", 0, 1_000_000) == 600_000
    assert prices.micro_usd("gpt-4o-miniature", 1_000_000, 0) == UNKNOWN[0] * 1_000_000


def test_an_unknown_model_does_not_look_free() -> None:
    """It costs more than any known one."""
    prices = Prices(parse_prices(""))
    known = [prices.micro_usd(name, 1000, 1000) for name in parse_prices("")]

    assert prices.micro_usd("somebody's-model", 1000, 1000) > max(known)


def test_costs_are_rounded_up() -> None:
    """A token is never free, unless its price is."""
    assert Prices({"m": (0.15, 0.6)}).micro_usd("m", 1, 0) == 1
    assert Prices({"m": (0.0, 0.0)}).micro_usd("m", 1000, 1000) == 0


def test_prices_are_added_to_the_table() -> None:
    """One's own first; the others stay."""
    prices = parse_prices('{"gpt-4o": [1, 2], "mine": [0.5, 0]}')

    assert (prices["gpt-4o"], prices["mine"], prices["gpt-4o-mini"]) == ((1, 2), (0.5, 0), (0.15, 0.6))


@pytest.mark.parametrize(
    "text",
    [
        "[77]",
        '{"m": 77}',
        '{"m": [77, 2, 3]}',
        '{"m": ["77", 2]}',
        '{"m": [-77, 2]}',
        '{"m": [NaN, 77]}',
        "{77",
    ],
)
def test_prices_that_are_none_are_refused(text: str) -> None:
    """With a sentence that has no value in it."""
    with pytest.raises(ValueError, match="must") as caught:
        parse_prices(text)

    assert "77" not in str(caught.value)
