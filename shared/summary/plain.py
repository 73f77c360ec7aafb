"""Texts that are only texts: no links, no markup, one line, whatever a log or a model wrote into them."""

import re
import unicodedata
from typing import Final

from shared.search.masks import PLACEHOLDER

_CONTROL: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
# Anything that a reader's program may make a link of.
_LINK: Final = re.compile(
    r"[a-z][a-z0-9+.-]{1,20}://|www\.|mailto:|javascript:|data:text|\bxn--"
    r"|\b[a-z0-9][a-z0-9-]{0,62}(?:\.[a-z0-9-]{1,63}){0,3}\."
    r"(?:com|net|org|info|biz|io|in|co|ai|dev|app|xyz|ru|cn|uk|de|me|ly|gg|sh|site|online|top|link|click|live"
    r"|tk|to|example|test|invalid|local|cloud|tech|store|shop|page|web|pro|cc|tv|us|eu)\b(?![.(])",
    re.IGNORECASE,
)
_MARKUP: Final = re.compile(
    r"[<>`]|\]\s*\(|!\[|\]\s*\[|&(?:#\d+|#x[0-9a-f]+|[a-z]{2,8});|\*\*|__|~~|^\s*(?:#|[-*+] |\d+\. |\|)"
    r"|\[[^\]]*\]:",
    re.IGNORECASE,
)
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]{1,20}):(//)", re.IGNORECASE)


def has_link(text: str) -> bool:
    """Whether a program that shows the text may make a link of some of it."""
    return _LINK.search(unicodedata.normalize("NFKC", text)) is not None


def has_markup(text: str) -> bool:
    """Whether some of it is HTML or Markdown, or a control character."""
    return _MARKUP.search(text) is not None or _CONTROL.search(text) is not None


def is_plain(text: str) -> bool:
    """One line of nothing but text."""
    return not has_markup(text) and not has_link(text)


def plain_pattern(template: str) -> str:
    """A template as text: `<*>` stays; other angle brackets, links and Markdown are broken up."""
    text = _CONTROL.sub(" ", template).replace(PLACEHOLDER, "\x00")
    text = (
        text.replace("<", "‹").replace(">", "›").replace("](", "] (").replace("![", "! [").replace("`", "'")
    )
    text = _SCHEME.sub(r"\1: \2", text)
    return text.replace("\x00", PLACEHOLDER)
