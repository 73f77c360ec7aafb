"""How many tokens a text may have, without the tables of a tokenizer.

Never less than byte pair encodings make of it (o200k and cl100k, measured in tests/summary/test_tokens.py),
and for prompts about a third more. Those split text at much the same places: letters, up to three digits,
runs of punctuation; a space belongs to what follows, but for digits. What is not known is how many tokens
a run of letters has: one when it is a common word, one for each two letters or so when it is none.
Source: https://github.com/openai/tiktoken/blob/main/tiktoken_ext/openai_public.py (the patterns)
"""

import re
from typing import Final

from shared.summary.lexicon import COMMON

_PIECE: Final = re.compile(
    r"(?P<lower>[A-Z]?[a-z]+)|(?P<upper>[A-Z]+)|(?P<one>[0-9]{1,3}| (?=[0-9])|  +)"
    r"|(?P<marks>[!-/:-@\[-`{-~]+)|(?P<other>[^\x00-\x7f]+)|(?P<control>[\x00-\x1f\x7f])"
)
_VOWELS: Final = re.compile(r"[aeiouyAEIOUY]")
_CLUSTER: Final = re.compile(r"[^aeiouyAEIOUY]{4}|[jqvxzJQVXZ][^aeiouyAEIOUYrlhtRLHT]|q[^u]")
# What JSON puts between its values; other runs of punctuation are about a token for each mark.
_RUNS: Final = {
    '":"': 1, '","': 1, '{"': 1, '"}': 1, '":': 1, ',"': 1, '["': 1, '",': 1, "..": 1, "],": 1, "[[": 1,
    '"],["': 3, '",[["': 3, '"]]]': 3, '":{"': 2, '":[': 2, '},"': 2,
}  # fmt: skip
_REMEMBERED: Final = 20_000
_known: dict[str, int] = {}


def estimate(text: str) -> int:
    """At least as many tokens as `text` has; nearly linear in its length."""
    return sum(map(_cost, _PIECE.finditer(text)))


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
    size = len(piece)
    if kind == "lower":
        return _word(piece)
    if kind == "upper":
        return -(-size * 66 // 100) + (size == 3 and _VOWELS.search(piece) is None)
    if kind == "marks":
        return _RUNS.get(piece) or -(-size * 8 // 10)
    if kind == "other":
        return max(1, -(-len(piece.encode("utf-8", "surrogatepass")) * 9 // 10))
    return 2 if kind == "control" else 1


def _word(piece: str) -> int:
    """A word that can be spoken has about a token for three letters, at most; what cannot, one for 1.6."""
    size = len(piece)
    if size == 1 or piece.lower() in COMMON:
        return 1
    if _VOWELS.search(piece) is None or _CLUSTER.search(piece):
        return 2 if size == 2 else 1 - (-size * 6 // 10)
    return -(-(size + 1) // 3)
