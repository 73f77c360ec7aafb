"""Summaries for tests of what becomes of them."""

from typing import Any

import msgspec

from shared.sources.source import Warn
from shared.summary.document import Coverage, Finding, Summary, Usage

GCS_ID = "gcs:logs-bucket/trades/2026/11/24/stock_trader/system_logs_043107_v1.jsonl.gz#1795149068000000:42"
POD_ID = "pods:projects/p-1/logs/stdout/2026-11-24T04:31:07.250000Z/k3x9"
DOCUMENT_ID = "firestore:gpt_runner_trades/stock_trader/2026-11-24/T17"

NOTHING: dict[str, Any] = {"opened": 0, "closed": 0, "rejected": 0, "winners": 0, "losers": 0, "pnl": 0.0}


def finding(**changes: Any) -> Finding:
    """A finding with a citation from each source."""
    whole = Finding(
        claim="Margin rejections doubled",
        kind="fact",
        severity="ERROR",
        bots=("stock_trader",),
        citations=(GCS_ID, POD_ID, DOCUMENT_ID),
        quote="Insufficient margin for TCS",
    )
    return msgspec.structs.replace(whole, **changes)


def summary(summary_id: str = "s-1", **changes: Any) -> Summary:
    """A summary of a morning."""
    whole = Summary(
        id=summary_id,
        created="2026-11-24T10:05:00.000000Z",
        type="errors",
        generator="rules",
        window={"start": "2026-11-24T03:45:00.000000Z", "end": "2026-11-24T10:00:00.000000Z"},
        headline="Margin rejections doubled for stock_trader",
        findings=(finding(),),
        facts={
            "entries": 1284,
            "silent_bots": ["paper_trader"],
            "trades": {**NOTHING, "opened": 31, "closed": 28, "rejected": 212, "pnl": 8120.5},
        },
        patterns=(),
        recommended_checks=("Free margin of stock_trader",),
        coverage=Coverage(
            matched=1284,
            shown=212,
            omitted=1072,
            partial=True,
            warnings=(Warn("gcs", "object_corrupt", "An object ends early", "gs://b/o"),),
        ),
        usage=Usage(),
    )
    return msgspec.structs.replace(whole, **changes)
