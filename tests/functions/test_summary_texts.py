"""All texts of a summary are plain, whatever stands in the logs, in names of bots and in a model's answer."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Serve
from tests.functions.mirror import Mirror, jsonl, stored_line
from tests.functions.summary_world import FOLDER, made, trade, truthful
from tests.servers.hooks_server import hooks_server
from tests.servers.model_server import Says, model_server

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](https://evil.example/x)",
    "![pixel](https://evil.example/p.png)",
    "`rm -rf`",
    "<https://evil.example|log in>",
    "<!channel> hurry",
    "a\u202eb\u200bc",
    "**bold** __under__",
    "line one\nline two\r\x1b[31mred",
]
MARKS = ("<script", "<img", "](", "![", "`", "<http", "<!", "\u202e", "\u200b", "\x1b", "\n", "\r")


def texts(value: Any, name: str = "") -> Iterator[str]:
    """Every text of a summary, names of fields included; ids of entries are what they are."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from texts(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner, name)
    elif isinstance(value, str) and name not in {"citations", "examples", "id"}:
        yield value


def plant(mirror: Mirror) -> None:
    """Each text as a message, a bot, a strategy, a symbol; some of them silent since the day before."""
    time = "2026-01-15T05:00:07Z"
    records = []
    for at, text in enumerate(HOSTILE):
        records += [
            {"timestamp": time, "level": "ERROR", "bot_type": "stock_trader", "message": f"no {at} {text}"},
            {
                "timestamp": time,
                "level": "ERROR",
                "bot_type": text,
                "message": f"Order {at} rejected by exchange",
            },
            trade(f"A{at}", bot_type=text, timestamp=time),
            trade(f"B{at}", strategy=text, timestamp=time),
            trade(f"C{at}", symbol=text, timestamp=time),
            {
                "timestamp": "2026-01-14T05:00:07Z",
                "level": "INFO",
                "bot_type": f"gone {text}",
                "message": "up",
            },
        ]
    mirror.put(f"{FOLDER}/system_logs_043107_v1.jsonl", jsonl(records), updated="2026-01-15T05:10:00Z")
    mirror.put_lines([stored_line("2026-01-15T06:00:00Z", "[ERROR] [a] <b>x</b>", insert_id="h")])


def faults(summary: Any) -> list[str]:
    """Texts that are more than text. `<*>` is how a template says that something varies."""
    return [
        text
        for text in texts(summary)
        if any(mark in text.replace("<*>", "") for mark in MARKS) or "<b>" in text
    ]


@pytest.mark.parametrize("kind", ["general", "errors", "trading", "security"])
def test_the_rules_write_plain_text(serve: Serve, tmp_path: Path, kind: str) -> None:
    """No HTML, no Markdown, no control characters in claims, quotes, patterns, names or headline."""
    plant(Mirror(tmp_path, serve))
    summary = made(serve("summary"), {"type": kind, "max_tokens": 32_000})

    assert summary["facts"]["silent_bots"]
    assert faults(summary) == []


def test_a_model_can_write_nothing_else(serve: Serve, tmp_path: Path) -> None:
    """What it repeats of such a text is dropped, or was made plain before."""
    plant(Mirror(tmp_path, serve))
    with model_server() as model:
        model.behave(Says(marking))
        client = serve("summary", OPENAI_API_KEY="k", OPENAI_BASE_URL=model.url)
        summary = made(client, {"max_tokens": 32_000})

    assert faults(summary) == []
    assert "evil.example" not in summary["headline"]


def marking(messages: list[dict[str, str]]) -> str:
    """A model that decorates."""
    draft = json.loads(truthful(messages))
    (true,) = draft["findings"]
    decorated = [true | {"claim": f"{text} {true['claim']}"} for text in HOSTILE]
    checks = [f"Check {text}" for text in HOSTILE]
    return json.dumps(
        draft | {"headline": HOSTILE[2], "findings": [*decorated, true], "recommended_checks": checks}
    )


def test_what_is_delivered_is_plain_too(serve: Serve, tmp_path: Path) -> None:
    """Slack gets no mention and no link that a log has written; the webhook gets the same summary."""
    plant(Mirror(tmp_path, serve))
    with hooks_server() as hooks:
        client = serve(
            "summary",
            SLACK_WEBHOOK_URL=hooks.url("/slack"),
            SUMMARY_WEBHOOK_URL=hooks.url("/in"),
            WEBHOOK_SIGNING_KEY="a-signing-key-for-tests-0123456789",
        )
        made(client, {"deliver": ["slack", "webhook"], "max_tokens": 32_000})
        (slack,), (sent,) = hooks.received("/slack"), hooks.received("/in")

    assert faults(sent.json) == []
    body = slack.body.decode()
    assert "<!channel" not in body
    assert "<https://evil" not in body
    assert "<script" not in body
