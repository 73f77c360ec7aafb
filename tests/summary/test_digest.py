"""Digests: the same whatever the order of the lines and the way they were cut."""

from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.incidents import Corpus, corpus
from benchmarks.summaries import REDACTOR, digest, made
from shared.entry import LogEntry, Severity
from shared.query import Window
from shared.search.headline import headline
from shared.summary.digest import Baseline, Digest, baseline, findable
from shared.summary.line import line_reader

DAY: Corpus = corpus(31, lines=1200, problems=30)
READ = line_reader(REDACTOR)


def told(whole: Digest, before: Baseline | None = None) -> tuple[str, object]:
    """All that a summary is made of: prompt and facts."""
    one = made(whole, DAY.window, before=before)
    return one.prompt.user, one.facts


WHOLE = told(digest(DAY.entries))


@settings(deadline=None, max_examples=12)
@given(st.randoms(use_true_random=False))
def test_order_of_lines_changes_nothing(rng: Random) -> None:
    """Newest first, oldest first, source after source: one prompt, one set of facts."""
    entries = list(DAY.entries)
    rng.shuffle(entries)

    assert told(digest(entries)) == WHOLE


@settings(deadline=None, max_examples=12)
@given(st.randoms(use_true_random=False), st.integers(2, 9))
def test_parts_merged_in_any_way_are_the_whole(rng: Random, parts: int) -> None:
    """Cut at random, merged in a random tree: one prompt, one set of facts."""
    chunks: list[list[LogEntry]] = [[] for _ in range(parts)]
    for entry in DAY.entries:
        rng.choice(chunks).append(entry)
    digests = [digest(chunk) for chunk in chunks]

    while len(digests) > 1:
        one = digests.pop(rng.randrange(len(digests)))
        digests[rng.randrange(len(digests))].merge(one)

    assert told(digests[0]) == WHOLE


def test_merging_leaves_the_other_as_it_is() -> None:
    """A digest that was merged into another can be merged again."""
    first, second = digest(DAY.entries[:600]), digest(DAY.entries[600:])
    before = told(second)
    first.merge(second)

    assert told(second) == before
    assert told(first) == WHOLE


def test_what_was_there_before_is_not_new() -> None:
    """With the same window as the window before, nothing is new; with an empty one, every problem is."""
    lines = [READ(entry) for entry in DAY.entries]
    whole = digest(DAY.entries)

    same = findable(whole, baseline(lines, complete=True), DAY.window)
    empty = findable(whole, baseline([], complete=True), DAY.window)

    assert same.new == frozenset()
    assert empty.new == {pattern.id for pattern in empty.problems}


def test_nothing_is_new_when_the_window_before_was_not_read_whole() -> None:
    """What was not read may have been there."""
    found = findable(digest(DAY.entries), baseline([], complete=False), DAY.window)

    assert found.new == frozenset()


def test_one_new_problem_is_the_one_that_is_new() -> None:
    """Only what the window before does not have, and not what is no problem."""
    later = digest(DAY.entries)
    lines = [READ(entry) for entry in DAY.entries]
    rare = next(problem for problem in DAY.problems if problem.severity == Severity.CRITICAL)
    known = [line for line in lines if rare.phrase not in line.message]

    found = findable(later, baseline(known, complete=True), DAY.window)

    news = [pattern for pattern in found.problems if pattern.id in found.new]
    assert news
    assert all(any(rare.phrase in message for _, message in pattern.examples) for pattern in news)


def test_problems_and_others_are_all_that_matched() -> None:
    """Each entry belongs to one pattern."""
    found = findable(digest(DAY.entries), Baseline(), DAY.window)

    assert (
        sum(pattern.count for pattern in found.problems + found.others) == found.matched == len(DAY.entries)
    )


def test_an_empty_window_is_a_prompt_too() -> None:
    """Nothing happened, and it can be said."""
    one = made(Digest(), Window(DAY.window.start, DAY.window.end))

    assert one.found.matched == 0
    assert '"entries":0' in one.prompt.user


def test_of_a_very_long_message_both_ends_are_kept() -> None:
    """A record of a megabyte takes no megabyte of memory; a traceback still ends in its exception."""
    frames = "".join(f'  File "/app/x{at}.py", line {at}, in f\n    call()\n' for at in range(20_000))
    long = f"Traceback (most recent call last):\n{frames}KeyError: 'ltp'"
    entry = msgspec.structs.replace(DAY.entries[0], message=long)

    line = READ(entry)

    assert len(long) > 40 * len(line.message)
    assert headline(line.message) == headline(long) == "KeyError: 'ltp' (app/x19999.py:f)"
    assert " … " in READ(msgspec.structs.replace(entry, message="x" * 20_001)).message
