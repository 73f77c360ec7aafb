"""Summaries to a Slack channel: one message of blocks to an incoming webhook.

    header      the headline
    context     type, window on the market's clocks, generator, entries matched, what is missing
    section     one a finding: severity, claim, quote; links to the cited entries in the console
    section     facts: trades, result, silent bots
    section     recommended checks
    context     what is not in the message, warnings, the summary's id

Source: https://docs.slack.dev/reference/block-kit/blocks
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, ClassVar, Final

import msgspec

from shared import instant
from shared.summary.delivery.console import console_url
from shared.summary.delivery.post import check_hook_url, post
from shared.summary.delivery.slack_text import Object, cut, inert, line, links, plain
from shared.summary.document import Finding, Summary, Target

# Limits of Slack; a message holds 50 blocks.
HEADER_CHARS: Final = 150
SECTION_CHARS: Final = 3000
FIELD_CHARS: Final = 2000
# Ours: what people read.
MAX_FINDINGS: Final = 20
MAX_LINKS: Final = 3
MAX_CHECKS: Final = 10
MAX_WARNINGS: Final = 5
MAX_NAMES: Final = 10
_CLAIM_CHARS: Final = 1200
_QUOTE_CHARS: Final = 800
# Three of these fit a field.
_URL_CHARS: Final = 600
_ID_CHARS: Final = 300

_MARKS: Final = {
    "EMERGENCY": "🔥",
    "ALERT": "🔥",
    "CRITICAL": "🔥",
    "ERROR": "🔴",
    "WARNING": "🟠",
    "NOTICE": "🔵",
    "INFO": "🔵",
}
_PLACES: Final = {"gcs": "Cloud Storage", "firestore": "Firestore", "pods": "Cloud Logging"}


@dataclass(frozen=True, slots=True)
class SlackSender:
    """Sends to SLACK_WEBHOOK_URL. Raises: ValueError for an address that cannot be used.

    Slack knows no idempotency key: that a message came twice shows in its summary's id at the end.
    """

    url: str = field(repr=False)
    zone: tzinfo
    """The market's."""
    project: str = ""
    """Whose console links lead to; empty: entries are named and not linked."""
    target: ClassVar[Target] = "slack"

    def __post_init__(self) -> None:
        check_hook_url(self.url)

    def send(self, summary: Summary, delivery_id: str, timeout_s: float) -> None:  # noqa: ARG002 - see above
        """One POST. Raises: NotDelivered."""
        body = msgspec.json.encode(message(summary, self.zone, self.project))
        post(self.url, body, {"Content-Type": "application/json"}, timeout_s)


def message(summary: Summary, zone: tzinfo, project: str) -> Object:
    """What is posted. `text` is what a notification shows; the channel shows the blocks."""
    window = _window(summary.window, zone)
    headline = line(summary.headline) or f"Summary of {window}"
    blocks: list[Object] = [
        {"type": "header", "text": plain(headline, HEADER_CHARS)},
        _context(_about(summary, window)),
        *(_finding(one, project) for one in summary.findings[:MAX_FINDINGS]),
    ]
    texts = (_nothing(summary, window), _facts(summary.facts), _checks(summary.recommended_checks))
    blocks += [{"type": "section", "text": plain(text, SECTION_CHARS)} for text in texts if text]
    blocks.append(_context(_rest(summary)))
    return {
        "text": inert(cut(headline, HEADER_CHARS)),
        "mrkdwn": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": blocks,
    }


def _context(parts: Iterator[str]) -> Object:
    return {"type": "context", "elements": [plain(" · ".join(parts), FIELD_CHARS)]}


def _about(summary: Summary, window: str) -> Iterator[str]:
    yield summary.type
    yield window
    yield f"by {line(summary.generator)}"
    yield f"{summary.coverage.matched:,} entries matched"
    if summary.coverage.partial:
        yield "⚠ partial: not everything could be read"


def _finding(finding: Finding, project: str) -> Object:
    mark = _MARKS.get(finding.severity, "⚪")
    guess = " (hypothesis)" if finding.kind == "hypothesis" else ""
    said = [f"{mark} {line(finding.severity)}{guess}: {_short(finding.claim, _CLAIM_CHARS)}"]
    if finding.quote:
        said.append(f"“{_short(finding.quote, _QUOTE_CHARS)}”")
    if finding.bots:
        said.append(f"Bots: {_names(finding.bots)}")
    section: Object = {"type": "section", "text": plain("\n".join(said), SECTION_CHARS)}
    if fields := list(_cited(finding.citations, project)):
        section["fields"] = fields
    return section


def _cited(citations: Sequence[str], project: str) -> Iterator[Object]:
    """The first entries as links, those without a page as their ids, and how many more there are."""
    urls: list[tuple[str, str]] = []
    ids: list[str] = []
    for cited in citations[:MAX_LINKS]:
        url = console_url(cited, project)
        if url and len(url) <= _URL_CHARS:
            urls.append((url, _PLACES[cited.partition(":")[0]]))
        else:
            ids.append(_short(cited, _ID_CHARS))
    more = f"+{len(citations) - MAX_LINKS} more" if len(citations) > MAX_LINKS else ""
    if urls:
        yield links(urls, more)
    if ids:
        yield plain("\n".join(ids if urls or not more else [*ids, more]), FIELD_CHARS)


def _nothing(summary: Summary, window: str) -> str:
    if summary.coverage.matched:
        return ""
    if summary.coverage.partial:
        return f"Nothing was found: 0 entries, {window}. But not everything could be read."
    return f"Nothing happened: 0 entries, {window}."


def _facts(facts: dict[str, Any]) -> str:
    """Trades and silent bots, where there are any."""
    trades = facts.get("trades")
    told = []
    if isinstance(trades, dict) and _number(trades, "rejected") and not _number(trades, "opened"):
        # Those that were not may have been filtered out.
        told.append(f"Trades: {_number(trades, 'rejected'):,} rejected")
    elif isinstance(trades, dict) and any(_number(trades, name) for name in ("opened", "closed")):
        counts = [f"{_number(trades, name):,} {name}" for name in ("opened", "closed", "rejected")]
        told += [f"Trades: {', '.join(counts)}", f"result {_number(trades, 'pnl'):+,.2f}"]
    if silent := [_bot(one) for one in facts.get("silent_bots") or ()]:
        told.append(f"Silent bots: {_names(silent)}")
    return " · ".join(told)


def _checks(checks: Sequence[str]) -> str:
    told = [f"• {_short(check, 280)}" for check in checks[:MAX_CHECKS]]
    return "\n".join(["Recommended checks", *told]) if told else ""


def _rest(summary: Summary) -> Iterator[str]:
    coverage = summary.coverage
    if coverage.omitted:
        yield f"{coverage.omitted:,} of {coverage.matched:,} entries are in no pattern shown"
    if len(summary.findings) > MAX_FINDINGS:
        yield f"{len(summary.findings) - MAX_FINDINGS} more findings"
    for warning in coverage.warnings[:MAX_WARNINGS]:
        yield f"⚠ {_short(f'{warning.source} {warning.code}: {warning.detail}', 200)}"
    if len(coverage.warnings) > MAX_WARNINGS:
        yield f"{len(coverage.warnings) - MAX_WARNINGS} more warnings"
    yield f"summary {line(summary.id)}"


def _window(window: dict[str, Any], zone: tzinfo) -> str:
    """`2026-11-24 09:15 – 15:30 IST`, with the second date where it is another."""
    start, end = (instant.from_rfc3339(str(window.get(name))) for name in ("start", "end"))
    if start is None or end is None:
        return "its window"
    try:
        first, last = (instant.to_datetime(moment).astimezone(zone) for moment in (start, end))
    except OverflowError:  # the first or the last day that there is
        return "its window"
    same_day = first.date() == last.date()
    return f"{first:%Y-%m-%d %H:%M} – {last.strftime('%H:%M %Z' if same_day else '%Y-%m-%d %H:%M %Z')}"


def _short(text: str, most: int) -> str:
    text = line(text)
    return text if len(text) <= most else text[: most - 1] + "…"


def _names(names: Sequence[str]) -> str:
    told = [_short(name, 80) for name in names[:MAX_NAMES]]
    return ", ".join([*told, f"+{len(names) - MAX_NAMES} more"] if len(names) > MAX_NAMES else told)


def _number(counts: dict[str, Any], name: str) -> int | float:
    value = counts.get(name)
    return value if isinstance(value, int | float) else 0


def _bot(silent: Any) -> str:
    """A name, or a record of one."""
    return str(silent.get("bot", "")) if isinstance(silent, dict) else str(silent)
