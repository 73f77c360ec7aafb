"""How many tokens a text may have, without the tables of a tokenizer.

For prompts never less than byte pair encodings make of them (o200k and cl100k, measured in
tests/summary/test_prompt.py), and about an eighth more. Those split text at much the same places: letters, up
to three digits, runs of punctuation; a space belongs to what follows, but for digits. What is not known is
how many tokens a run of letters has. It is estimated by how much the run looks like an English word, from one
token for four letters to one for less than two.
Source: https://github.com/openai/tiktoken/blob/main/tiktoken_ext/openai_public.py (the patterns)
"""

import re
from functools import cache
from typing import Final

from shared.summary.lexicon import COMMON
from shared.summary.vocabulary import ONE, ONE_CAPITALS, TWO, TWO_CAPITALS

_PIECE: Final = re.compile(
    r"(?P<lower>[A-Z]?[a-z]+)|(?P<upper>[A-Z]+)|(?P<one>[0-9]{1,3}| (?=[0-9])|  +|\n)"
    r"|(?P<marks>[!-/:-@\[-`{-~]+)|(?P<other>[^\x00-\x7f]+)|(?P<control>[\x00-\x1f\x7f])"
)
_VOWELS: Final = re.compile(r"[aeiouyAEIOUY]")
_CLUSTER: Final = re.compile(r"[^aeiouyAEIOUY]{4}|[jqvxzJQVXZ][^aeiouyAEIOUYrlhtRLHT]|q[^u]")
# Costs are hundredths of a token: averages, which add up to what a text has. Of a run of letters: each, and
# once. Measured over random letters, random syllables and words of programs.
_SPELLED: Final = (57, 30)
_SPOKEN: Final = (48, 30)
_CAPITALS: Final = (62, 20)
# From which share of known groups of four letters on.
_LIKE_ENGLISH: Final = ((0.7, (27, 15)), (0.5, (32, 15)), (0.3, (42, 20)))
# What JSON puts between its values; other runs of punctuation are about a token for each mark.
_RUNS: Final = {
    '":"': 1, '","': 1, '{"': 1, '"}': 1, '":': 1, ',"': 1, '["': 1, '",': 1, "..": 1, "],": 1, "[[": 1,
    '"],["': 3, '",[["': 2, '"]]]': 2, '":{"': 2, '":[': 2, '},"': 2, ',[["': 2,
}  # fmt: skip
_REMEMBERED: Final = 20_000
_known: dict[str, int] = {}


def estimate(text: str) -> int:
    """As many tokens as `text` has, or somewhat more; nearly linear in its length."""
    return -(-sum(map(_cost, _PIECE.finditer(text))) // 100)


def _cost(match: re.Match[str]) -> int:
    piece = match[0]
    cost = _known.get(piece)
    if cost is None:
        if len(_known) >= _REMEMBERED:
            _known.clear()
        cost = _priced(piece, match.lastgroup or "")
        if len(piece) < 40:
            _known[piece] = cost
    return cost


def _priced(piece: str, kind: str) -> int:
    if kind == "lower":
        return _word(piece)
    if kind == "upper":
        return _capitals(piece)
    if kind == "marks":
        return _marks(piece)
    if kind == "other":
        return 100 * len(piece.encode("utf-8", "surrogatepass"))
    return 200 if kind == "control" else 100


def _word(piece: str) -> int:
    if len(piece) == 1 or piece in ONE or (lowered := piece.lower()) in COMMON:
        return 100
    if lowered in ONE or lowered in TWO:
        return 200
    return _letters(piece, *_rate(lowered)) + 20 * (piece != lowered)


def _capitals(piece: str) -> int:
    if piece in ONE_CAPITALS or len(piece) == 1:
        return 100
    return 200 if piece in TWO_CAPITALS else _letters(piece, *_CAPITALS)


def _rate(word: str) -> tuple[int, int]:
    groups = _groups(word)
    share = len(groups & _english()) / len(groups)
    for least, rate in _LIKE_ENGLISH:
        if share >= least:
            return rate
    return _SPELLED if _VOWELS.search(word) is None or _CLUSTER.search(word) else _SPOKEN


def _letters(piece: str, each: int, once: int) -> int:
    return len(piece) * each + once


def _groups(word: str) -> set[str]:
    """The groups of four letters in a word, its begin and end being letters too."""
    whole = f"^{word}$"
    return {whole[at : at + 4] for at in range(len(whole) - 3)}


@cache
def _english() -> set[str]:
    return {group for word in COMMON | ONE | TWO for group in _groups(word)}


def _marks(piece: str) -> int:
    """Of JSON the known runs, also behind what a text ends with: `)",[["`."""
    for size in (len(piece), 4, 3):
        if size <= len(piece) and (known := _RUNS.get(piece[-size:])):
            return 100 * known + 80 * (len(piece) - size)
    return 100 if len(piece) == 1 else 85 * len(piece)
