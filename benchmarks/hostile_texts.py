"""Texts that have more tokens than they look: what no estimate of a prompt's size may be fooled by."""

import base64
import string
from collections.abc import Callable
from random import Random
from typing import Final

_SYLLABLES: Final = ("ka", "to", "re", "mi", "su", "lo", "va", "ne", "zi", "pu", "da", "fe", "go", "bi")


def _of(alphabet: str, size: int) -> Callable[[Random], str]:
    return lambda rng: "".join(rng.choice(alphabet) for _ in range(size))


def _span(first: int, last: int, size: int) -> Callable[[Random], str]:
    return lambda rng: "".join(chr(rng.randint(first, last)) for _ in range(size))


def _words(make: Callable[[Random], str]) -> Callable[[Random], str]:
    return lambda rng: " ".join(make(rng) for _ in range(40))


HOSTILE: Final[dict[str, Callable[[Random], str]]] = {
    "letters": _of(string.ascii_letters, 240),
    "small letters": _of(string.ascii_lowercase, 240),
    "short words": _words(_of(string.ascii_lowercase, 4)),
    "capitals": _words(_of(string.ascii_uppercase, 5)),
    "syllables": _words(lambda rng: "".join(rng.choices(_SYLLABLES, k=rng.randint(2, 5)))),
    "names": _words(lambda rng: "".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4))).capitalize()),
    "base64": lambda rng: base64.b64encode(rng.randbytes(180)).decode(),
    "hex": lambda rng: rng.randbytes(120).hex(),
    "digits": _of(string.digits, 240),
    "numbers": _words(lambda rng: str(rng.randrange(10 ** rng.randint(1, 9)))),
    "punctuation": _of(string.punctuation, 240),
    "quotes": _of("\"\\'", 240),
    "control": _span(0, 31, 120),
    "other control": _span(127, 159, 120),
    "chinese": _span(0x4E00, 0x9FFF, 120),
    "rare chinese": _span(0x20000, 0x2A6DF, 120),
    "emoji": _span(0x1F300, 0x1FAFF, 120),
    "hindi": _span(0x904, 0x939, 160),
    "cyrillic": _span(0x410, 0x44F, 160),
    "accents": _span(0xC0, 0x17F, 160),
    "private": _span(0xE000, 0xF8FF, 120),
    "mathematics": _span(0x1D400, 0x1D7FF, 120),
    "zero width": lambda _: "a\u200bb\u200cc\u200d\ufeff" * 40,
    "special tokens": lambda _: "<|endoftext|><|fim_prefix|>" * 12,
    "spaces": lambda _: "a \u3000 b \u00a0 c \u2003" * 20,
}  # fmt: skip
