"""Plain texts: what a program may make a link or markup of is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.summary.plain import has_link, has_markup, is_plain, plain_pattern

LINKS = (
    "see https://evil.example/x",
    "HTTP://EVIL.EXAMPLE",
    "ftp://host/file",
    "www.evil.example",
    "go to evil.com now",
    "api.broker.co.in answered",
    "mailto:a@b",
    "javascript:alert(1)",
    "ｈｔｔｐｓ：//evil",  # wide letters are letters to a browser
    "xn--80ak6aa92e",
)
MARKUP = (
    "<b>bold</b>",
    "a < b",
    "`code`",
    "[text](target)",
    "![image](x)",
    "**bold**",
    "__init__",
    "~~no~~",
    "# title",
    "- item",
    "1. item",
    "| cell",
    "&lt;",
    "&#60;",
    "two\nlines",
    "a\x00b",
    "a\u200bb",
    "\u202eright to left",
    "\ud800",
    "[1]: target",
)
PLAIN = (
    "Insufficient margin for TCS: required 50916.31, available 4238.56",
    "pnl -1,234.50 (+2.5%), id=T17; P&L ₹1200",
    "KeyError: 'ltp'",
    "bots/run.py:on_tick at 09:15",
    "e.g. 3.5 of 7.0",
    "broker.errors.OrderException",
    "🚨 margin",
)


@pytest.mark.parametrize("text", LINKS)
def test_links_are_seen(text: str) -> None:
    """Schemes, hosts with and without, and what only looks like something else."""
    assert has_link(text)
    assert not is_plain(text)


@pytest.mark.parametrize("text", MARKUP)
def test_markup_is_seen(text: str) -> None:
    """HTML, Markdown, more than one line, what cannot be seen."""
    assert has_markup(text)
    assert not is_plain(text)


@pytest.mark.parametrize("text", PLAIN)
def test_log_lines_are_plain(text: str) -> None:
    """What bots write in a line is a text and nothing else."""
    assert is_plain(text)


@pytest.mark.parametrize("text", [*LINKS[:3], *MARKUP[:6], "![x](https://evil.example/p)"])
def test_patterns_are_broken_up(text: str) -> None:
    """A template keeps its words, and shows as no tag, image or link with a target."""
    shown = plain_pattern(f"order <*> {text} <*>")

    assert shown.count("<*>") == 2
    rest = shown.replace("<*>", "")
    assert not any(mark in rest for mark in ("<", ">", "](", "![", "`", "://"))


@given(st.text())
def test_patterns_become_one_line(text: str) -> None:
    """Whatever a template was made of."""
    assert plain_pattern(text).isprintable() or "\n" not in plain_pattern(text)
    assert plain_pattern(plain_pattern(text)) == plain_pattern(text)
