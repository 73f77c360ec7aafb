"""Texts of a Slack message. What comes from logs is shown as it is, and can do nothing.

Everything that is not ours goes into `plain_text` objects, which know no formatting, links or mentions, with
Slack's three control characters escaped all the same. `mrkdwn` is used for links alone, made by code.

Source: https://docs.slack.dev/messaging/formatting-message-text
        https://docs.slack.dev/reference/block-kit/composition-objects/text-object
"""

import unicodedata
from collections.abc import Iterable
from typing import Any, Final

_CONTROL: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Emoji and Indian scripts are joined and parted by these two; what else is invisible goes.
_JOINERS: Final = "\u200c\u200d"
_WORD_JOINER: Final = "\u2060"
_ACTIVE: Final = frozenset("@#:./")

Object = dict[str, Any]


def plain(text: str, most: int) -> Object:
    """A text object that is shown as it is, of 1 to `most` characters; emoji codes stay text."""
    return {"type": "plain_text", "text": cut(text, most) or "–", "emoji": False}


def links(urls: Iterable[tuple[str, str]], more: str) -> Object:
    """A text object of links. Both parts of `(address, label)` are ours: the address holds no `| < > &`."""
    told = [f"<{url}|{label}>" for url, label in urls]
    return {"type": "mrkdwn", "text": " · ".join([*told, more] if more else told), "verbatim": True}


def line(text: str) -> str:
    """One line: breaks, controls and blanks become one blank; what would turn or hide text goes."""
    return " ".join("".join(_shown(char) for char in text).split())


def cut(text: str, most: int) -> str:
    """Escaped, and of at most `most` characters as Slack gets them (UTF-16 units); `…` where it was cut."""
    pieces = [_CONTROL.get(char, char) for char in text]
    sizes = [_units(piece) for piece in pieces]
    if sum(sizes) <= most:
        return "".join(pieces)
    kept, left = [], most - 1
    for piece, size in zip(pieces, sizes, strict=True):
        if size > left:
            break
        kept.append(piece)
        left -= size
    return "".join(kept) + "…"


def inert(text: str) -> str:
    """For the one text that Slack parses whatever one says: an invisible joiner keeps words from becoming
    addresses, channels or names."""
    return "".join(char + _WORD_JOINER if char in _ACTIVE else char for char in text)


def _shown(char: str) -> str:
    kind = unicodedata.category(char)
    if kind in {"Cc", "Zl", "Zp", "Cs"}:
        return " "
    return "" if kind == "Cf" and char not in _JOINERS else char


def _units(piece: str) -> int:
    return sum(1 + (char > "\uffff") for char in piece)
