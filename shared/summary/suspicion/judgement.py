"""Texts that read like an instruction to a language model: never shown to one, and never believed.

This is the first of two defences, and it may err on the side of caution, for what it holds back is still
counted and can be opened by its id. What it misses meets verify.py.
"""

import re
from functools import cache, lru_cache
from typing import Final

from shared.summary.suspicion import asides, phrases, signs, tongues
from shared.summary.suspicion.disguise import is_spaced_out, readings

_MAX_CHARS: Final = 20_000
# Texts come again: as examples, in templates, and for each part of a summary.
_REMEMBERED: Final = 2_000
_SIGNS: Final = (
    signs.ASKING, signs.SAYING, signs.PRODUCT, signs.READER, signs.YOU, signs.MARKUP, signs.OURS, signs.ABOUT,
)  # fmt: skip


def is_suspicious(text: str) -> bool:
    """Whether a text reads like an instruction to a language model, under whatever spelling."""
    return _is_suspicious(text[:_MAX_CHARS])


@lru_cache(_REMEMBERED)
def _is_suspicious(text: str) -> bool:
    return is_spaced_out(text) or any(map(_instructs, readings(text)))


def _instructs(text: str) -> bool:
    if _phrase().search(text):
        return True
    asking, saying, product, reader, you, markup, ours, about = (
        sign.search(text) is not None for sign in _signs()
    )
    return (
        (asking and saying and product)
        or (ours and (asking or saying or you))
        or (markup and saying)
        or (reader and (asking or saying or you))
        or (you and saying and (asking or product))
        or (about and _tells(text))
    )


def _tells(text: str) -> bool:
    """Whether it says to do something with words, and not only that something was to be done."""
    return re.search(signs.TELLING, re.sub(signs.TRIED, " ", text)) is not None


@cache
def _phrase() -> re.Pattern[str]:
    return re.compile(
        "|".join(f"(?:{phrase})" for phrase in phrases.PHRASES + asides.PHRASES + tongues.PHRASES)
    )


@cache
def _signs() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(sign) for sign in _SIGNS)
