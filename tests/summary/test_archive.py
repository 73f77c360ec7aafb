"""Stored summaries: for 90 days, newest first, in pages that are the list, for those who may see them."""

from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import pytest

from shared import instant
from shared.policy import UNRESTRICTED, Grant, Policy
from shared.state import GuardedStore, MemoryStore
from shared.summary.archive import KEPT_DAYS, Archive, Card
from tests.summary.summaries import summary

DAY = 86_400.0
START = 1_795_600_000.0  # 25 November 2026
STOCK = Policy((Grant(bots=frozenset({"stock_trader"})),))


@dataclass
class Clock:
    """The time."""

    now: float = START

    def __call__(self) -> float:
        return self.now


def archive(clock: Clock) -> Archive:
    """An archive of its own."""
    return Archive(GuardedStore(MemoryStore(clock)), clock)


def keep(shelf: Archive, clock: Clock, name: str, policy: Policy = UNRESTRICTED, **changes: Any) -> None:
    """A summary that is made now."""
    created = instant.to_text(int(clock.now * 1000) * 1_000_000)
    shelf.keep(summary(name, **({"created": created} | changes)), policy)


def pages(shelf: Archive, size: int, policy: Policy = UNRESTRICTED) -> list[list[Card]]:
    """All of it, page by page."""
    found, after = [], ""
    while True:
        cards, behind = shelf.listed(policy, after, size)
        found.append(cards)
        if behind is None:
            return found
        after = behind


def names(shelf: Archive, policy: Policy = UNRESTRICTED) -> list[str]:
    """Ids in their order."""
    return [card.id for cards in pages(shelf, 100, policy) for card in cards]


def test_a_summary_is_what_was_kept() -> None:
    """Whole, with its findings and facts."""
    clock = Clock()
    shelf = archive(clock)
    keep(shelf, clock, "s-1")

    found = shelf.read("s-1", UNRESTRICTED)
    assert found == summary("s-1", created=found.created if found else "")
    assert shelf.read("s-2", UNRESTRICTED) is None


def test_newest_first_over_months_and_years() -> None:
    """One a day for 80 days, from September to December: the list runs back in time."""
    clock = Clock(START - 50 * DAY)
    shelf = archive(clock)
    for day in range(80):
        keep(shelf, clock, f"s-{day}")
        clock.now += DAY

    assert names(shelf) == [f"s-{day}" for day in range(79, -1, -1)]


@pytest.mark.parametrize("size", [1, 2, 7, 13, 40, 100])
def test_pages_are_the_list(size: int) -> None:
    """Nothing twice, nothing missing, none larger than asked for; several of one moment included."""
    clock = Clock()
    shelf = archive(clock)
    for day in range(13):
        for name in ("a", "b", "c"):
            keep(shelf, clock, f"{name}-{day:02}")
        clock.now += 3 * DAY

    found = pages(shelf, size)
    assert [card for cards in found for card in cards] == pages(shelf, 100)[0]
    assert all(len(cards) == size for cards in found[:-1])
    assert sum(map(len, found)) == 39
    assert all(later.created >= earlier.created for later, earlier in pairwise(chain(*found)))


def test_ninety_days_and_no_longer() -> None:
    """A minute before they are over it is read and listed; after them neither."""
    clock = Clock()
    shelf = archive(clock)
    keep(shelf, clock, "s-1")
    clock.now += KEPT_DAYS * DAY - 60
    assert shelf.read("s-1", UNRESTRICTED)
    assert names(shelf) == ["s-1"]
    clock.now += 61

    assert shelf.read("s-1", UNRESTRICTED) is None
    assert names(shelf) == []


def test_a_summary_that_is_made_again_keeps_its_time() -> None:
    """Asked for on day 60 it is the summary of day 0, listed once, and gone on day 90."""
    clock = Clock()
    shelf = archive(clock)
    keep(shelf, clock, "s-1", generator="rules")
    first = shelf.read("s-1", UNRESTRICTED)
    clock.now += 60 * DAY
    keep(shelf, clock, "s-1", generator="gpt-4o-mini")
    again = shelf.read("s-1", UNRESTRICTED)

    assert first
    assert again
    assert (again.created, again.generator) == (first.created, "gpt-4o-mini")
    assert [card.generator for cards in pages(shelf, 5) for card in cards] == ["gpt-4o-mini"]
    clock.now += 31 * DAY
    assert shelf.read("s-1", UNRESTRICTED) is None
    assert names(shelf) == []


def test_rules_do_not_replace_a_model() -> None:
    """What was worded well stays; what the rules wrote is replaced."""
    clock = Clock()
    shelf = archive(clock)
    for generator, stays in (("rules", "rules"), ("gpt-4o-mini", "gpt-4o-mini"), ("rules", "gpt-4o-mini")):
        keep(shelf, clock, "s-1", generator=generator)
        found = shelf.read("s-1", UNRESTRICTED)
        assert found
        assert found.generator == stays


def test_what_is_there_is_not_written_again() -> None:
    """The same summary for the same policy costs a read."""
    clock = Clock()
    store = MemoryStore(clock)
    shelf = Archive(GuardedStore(store), clock)
    shelf.keep(summary("s-1"), STOCK)
    written: list[str] = []
    store.set = lambda key, *_: written.append(key) or True  # type: ignore[method-assign,func-returns-value]
    shelf.keep(summary("s-1"), STOCK)

    assert written == []


@pytest.mark.parametrize(
    ("made_with", "asks", "shown"),
    [
        (UNRESTRICTED, UNRESTRICTED, True),
        (UNRESTRICTED, STOCK, False),
        (STOCK, UNRESTRICTED, True),
        (STOCK, STOCK, True),
        (STOCK, Policy((Grant(bots=frozenset({"options_trader"})),)), False),
        (STOCK, Policy((Grant(bots=frozenset({"stock_trader", "options_trader"})),)), True),
        (STOCK, Policy((Grant(bots=frozenset({"stock_trader"}), sources=frozenset({"gcs"})),)), False),
        (STOCK, Policy(()), False),
        (Policy((*STOCK.grants, Grant(sources=frozenset({"pods"})))), STOCK, False),
    ],
)
def test_who_may_see_less_than_its_maker_does_not_see_it(
    made_with: Policy, asks: Policy, shown: bool
) -> None:
    """Neither read nor listed; redaction does not matter, for all summaries are redacted."""
    clock = Clock()
    shelf = archive(clock)
    keep(shelf, clock, "s-1", made_with)

    assert bool(shelf.read("s-1", asks)) is shown
    assert names(shelf, asks) == (["s-1"] if shown else [])
    assert bool(shelf.read("s-1", asks.redacting())) is shown


def test_what_others_see_fills_no_page() -> None:
    """Pages of a narrowed caller are as long as they should be, whatever lies between."""
    clock = Clock()
    shelf = archive(clock)
    for n in range(30):
        keep(shelf, clock, f"s-{n:02}", STOCK if n % 5 == 0 else UNRESTRICTED)
        clock.now += 60

    found = pages(shelf, 2, STOCK)
    assert [[card.id for card in cards] for cards in found] == [
        ["s-25", "s-20"],
        ["s-15", "s-10"],
        ["s-05", "s-00"],
    ]


@pytest.mark.parametrize("after", ["x", "2026-11", "2026-13/x", "9999-99/" + "9" * 20, "/", "2026-11/"])
def test_a_place_that_is_none_is_harmless(after: str) -> None:
    """Whatever a token held: a part of the list, in order, or nothing."""
    clock = Clock()
    shelf = archive(clock)
    for n in range(3):
        keep(shelf, clock, f"s-{n}")
        clock.now += 60

    cards, _ = shelf.listed(UNRESTRICTED, after, 10)
    assert [card.id for card in cards] in (["s-2", "s-1", "s-0"], [])


def test_damaged_cards_are_not_listed() -> None:
    """What another version or a fault left is as if it were not there."""
    clock = Clock()
    store = MemoryStore(clock)
    shelf = Archive(GuardedStore(store), clock)
    keep(shelf, clock, "s-1")
    store.set("summaries/2026-11/00000000000000000001/s-0", b"{}", 1000.0)
    store.set("summary/s-0", b"[]", 1000.0)

    assert names(shelf) == ["s-1"]
    assert shelf.read("s-0", UNRESTRICTED) is None


def test_a_card_is_a_card() -> None:
    """What the list tells is in the contract, and the policy is not told."""
    clock = Clock()
    shelf = archive(clock)
    keep(shelf, clock, "s-1", STOCK)
    ((card,),) = pages(shelf, 5)

    assert list(card.document()) == ["id", "created", "type", "window", "headline", "generator"]
