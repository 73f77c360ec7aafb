"""Where secrets stand in a text: kinds, overlaps, and how placeholders are kept out of every rule's reach.

Texts are UTF-8 bytes. While rules work, each placeholder is one byte, HELD, so that a placeholder is never
part of a secret, and replacing a secret cannot make the text around it look like another one unnoticed.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from shared.redact.numbers import only_digits

# Most specific first: of two rules that found exactly the same bytes, the earlier names them.
KINDS: Final = (
    "PRIVATE_KEY", "JWT", "EMAIL", "CARD", "PAN", "AADHAAR", "DEMAT", "PHONE", "ACCOUNT", "API_KEY",
    "COOKIE", "TOKEN", "SECRET", "PIN", "PASSWORD",
)  # fmt: skip
RANK: Final = {kind: rank for rank, kind in enumerate(KINDS)}

HELD: Final = b"\x01"
_PLACEHOLDER: Final = re.compile(rb"\[(?:" + "|".join(KINDS).encode() + rb"):[0-9a-f]{6}\]")
_TO_HOLD: Final = re.compile(rb"\[(?:" + "|".join(KINDS).encode() + rb"):[0-9a-f]{6}\]|\x01")


class Span(NamedTuple):
    """Bytes `[start, end)` of a text are a secret of this kind."""

    start: int
    end: int
    kind: str


class Masked(NamedTuple):
    """A text whose placeholders are each one HELD byte; `held` has them in order."""

    data: bytes
    held: Sequence[bytes]

    def plain(self, start: int = 0) -> bytes:
        """The text from byte `start` on, with its placeholders back in."""
        if not self.held:
            return self.data[start:]
        first = self.data.count(HELD, 0, start)
        pieces = self.data[start:].split(HELD)
        filled = [pieces[0]]
        for piece, placeholder in zip(pieces[1:], self.held[first:], strict=True):
            filled += (placeholder, piece)
        return b"".join(filled)


def mask(data: bytes) -> Masked:
    """`data` with its placeholders (and its own HELD bytes, if any) held."""
    held = _TO_HOLD.findall(data)
    return Masked(_TO_HOLD.sub(HELD, data), held) if held else Masked(data, ())


def is_placeholder(text: bytes) -> bool:
    """Whether this is one placeholder and nothing else."""
    return _PLACEHOLDER.fullmatch(text) is not None


def meets_placeholder(text: str) -> bool:
    """Whether `text` (in any case) can stand in a redacted text without standing in the one before:
    within a placeholder, or across one of its ends."""
    folded = text.casefold()
    return (
        any(mark in folded for mark in "[]:")
        or any(folded in kind.casefold() for kind in KINDS)
        or (len(folded) <= 6 and all(char in "0123456789abcdef" for char in folded))
    )


def merged(spans: Iterable[Span]) -> Iterator[Span]:
    """Disjoint spans in order. What overlaps becomes one, named by the most specific kind that covers all
    of it, else by its longest part: nothing that any rule found is left over."""
    group: list[Span] = []
    end = -1
    for span in sorted(spans):
        if group and span.start >= end:
            yield _union(group, end)
            group = []
        group.append(span)
        end = max(end, span.end) if len(group) > 1 else span.end
    if group:
        yield _union(group, end)


def _union(group: list[Span], end: int) -> Span:
    if len(group) == 1:
        return group[0]
    best = min(group, key=lambda span: (span.start - span.end, RANK[span.kind]))
    return Span(group[0].start, end, best.kind)


def replaced(masked: Masked, spans: Iterable[Span], placeholder: Callable[[str, bytes], bytes]) -> Masked:
    """`masked` with each of the disjoint, ordered spans held, as `placeholder(kind, secret)`."""
    data = masked.data
    pieces: list[bytes] = []
    held: list[bytes] = []
    done = taken = 0
    for start, end, kind in spans:
        gap = data[done:start]
        secret = data[start:end]
        pieces.append(gap)
        if masked.held:
            before = gap.count(HELD)
            inside = secret.count(HELD)
            held += masked.held[taken : taken + before]
            taken += before
            if inside:
                secret = Masked(secret, masked.held[taken : taken + inside]).plain()
                taken += inside
        held.append(placeholder(kind, secret))
        done = end
    pieces.append(data[done:])
    held += masked.held[taken:]
    return Masked(HELD.join(pieces), held)


def canonical(kind: str, secret: bytes) -> bytes:
    """What is hashed: equal for all spellings of one secret (`+91 98...` and `98...`, grouped digits,
    capitals in an address, line breaks in a key block)."""
    if kind in {"CARD", "AADHAAR", "ACCOUNT"}:
        return only_digits(secret)
    if kind == "PHONE":
        return only_digits(secret)[-10:]
    if kind == "EMAIL":
        return secret.replace(b"%40", b"@").lower()
    if kind in {"PAN", "DEMAT"}:
        return bytes(c for c in secret.upper() if chr(c).isalnum())
    if kind == "PRIVATE_KEY":
        return re.sub(rb"\s+|\\+[nr]|%0[AaDd]", b"", secret)
    return secret
