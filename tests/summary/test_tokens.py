"""The estimate of tokens, held against a real tokenizer."""

import time
from collections.abc import Callable, Iterable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.hostile_texts import HOSTILE
from benchmarks.incidents import corpus
from shared.summary.lexicon import COMMON
from shared.summary.tokens import estimate
from shared.summary.vocabulary import ONE, ONE_CAPITALS, TWO, TWO_CAPITALS
from tests.summary.tokenizer.real import ENCODINGS, Tokenizer

AS_IT_IS: tuple[Callable[[str], str], ...] = (str, lambda word: f" {word}")
CAPITALISED: tuple[Callable[[str], str], ...] = (str.capitalize, lambda word: f" {word.capitalize()}")


def too_long(
    real: Tokenizer, words: Iterable[str], forms: Iterable[Callable[[str], str]], most: int
) -> set[str]:
    """The words that have more tokens than `most` in some encoding and form."""
    known = sorted(words)
    return {
        word
        for encoding in ENCODINGS
        for form in forms
        for word, count in zip(known, real.counts(list(map(form, known)), encoding), strict=True)
        if count > most
    }


@pytest.mark.parametrize(
    ("words", "forms", "most"),
    [
        (COMMON, AS_IT_IS + CAPITALISED, 1),
        (ONE, AS_IT_IS, 1),
        (ONE, CAPITALISED, 2),
        (TWO, AS_IT_IS + CAPITALISED, 2),
        (ONE_CAPITALS, AS_IT_IS, 1),
        (TWO_CAPITALS, AS_IT_IS, 2),
    ],
    ids=["common", "one", "one capitalised", "two", "capitals", "two capitals"],
)
def test_known_words_have_the_tokens_that_are_said(
    real: Tokenizer, words: frozenset[str], forms: tuple[Callable[[str], str], ...], most: int
) -> None:
    """Every word of the vocabulary, in every form that the estimate counts so."""
    assert too_long(real, words, forms, most) == set()


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_texts_are_not_underestimated(real: Tokenizer, kind: str) -> None:
    """Whatever a log is filled with: over a prompt's length the estimate is not below what is real."""
    rng = Random(f"tokens {kind}")
    texts = [HOSTILE[kind](rng) for _ in range(40)]

    thought = sum(map(estimate, texts))

    assert thought >= max(sum(real.counts(texts, encoding)) for encoding in ENCODINGS)


def test_log_lines_are_not_much_overestimated(real: Tokenizer) -> None:
    """Room that is thought to be taken is lost to the prompt: at most a quarter of it."""
    lines = [entry.message for entry in corpus(11, lines=2000, problems=40).entries]

    thought = sum(map(estimate, lines))

    assert max(sum(real.counts(lines, encoding)) for encoding in ENCODINGS) <= thought
    assert thought <= 1.25 * max(sum(real.counts(lines, encoding)) for encoding in ENCODINGS)


@given(st.lists(st.text(max_size=200), max_size=8))
def test_lines_together_are_no_more_than_lines_apart(lines: list[str]) -> None:
    """A prompt is filled line by line: each has its tokens and one for its end."""
    assert estimate("\n".join(lines)) <= sum(estimate(line) + 1 for line in lines)


def test_time_grows_with_length_only() -> None:
    """Two megabytes of one run are estimated in a second or two."""
    begun = time.process_time()

    for text in ("x" * 2_000_000, "x1" * 500_000, "<>" * 500_000):
        assert estimate(text) > 100_000

    assert time.process_time() - begun < 5
