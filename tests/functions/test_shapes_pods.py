"""Every shape of a container's line, read through the front door, each field checked."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Serve
from tests.functions.mirror import Mirror, stored_line

AT = "2026-01-15T03:50:00.123456789Z"
POD = {"namespace": "gpt", "pod": "stock-trader-7d9f", "container": "stock-trader", "cluster": "runner"}
TRACE = "projects/p/traces/0af7651916cd43dd8448eb211c80319c"
BOT = {"bot": "stock_trader"} | POD
ORDER = "[2026-01-15 09:20:00] [INFO] [system] Order placed ✅ ₹100"
PAYLOAD = {
    "severity": "ERROR",
    "message": "margin call",
    "trace": TRACE,
    "data": {"trade_id": "T9", "symbol": None},
    "symbol": "TCS",
}
TRACEBACK = [
    "Traceback (most recent call last):",
    '  File "/app/bot.py", line 12, in run',
    "    place(order)",
    "ConnectionError: broker is down",
]


@dataclass(frozen=True)
class Shape:
    """One stored line and what its one entry must say, but for what every line of the pod has."""

    title: str
    line: dict[str, Any]
    severity: str
    severity_from: str
    message: str
    payload: dict[str, Any] | None = None
    trace: str | None = None
    labels: dict[str, str] = field(default_factory=lambda: BOT)

    def entry(self) -> dict[str, Any]:
        """The whole entry."""
        told = ("severity", "severity_from", "message", "payload", "trace", "labels")
        return {
            "id": f"pods:{self.line['logName']}/{AT}/i1",
            "timestamp": AT,
            "timestamp_from": "field",
            "source": "pods",
            "origin": {"log_name": self.line["logName"], "insert_ids": ["i1"]},
            **{name: getattr(self, name) for name in told},
        }


def line(payload: str | dict[str, Any], **more: Any) -> dict[str, Any]:
    """One line of the stock trader's container."""
    return stored_line(AT, payload, insert_id="i1", **more)


SHAPES = [
    Shape("text with a level", line(ORDER), "INFO", "text", ORDER),
    Shape("stderr that GKE calls an ERROR is the INFO of its text",
          line(ORDER, severity="ERROR", stream="stderr"), "INFO", "text", ORDER),
    Shape("an error on stdout is the ERROR of its text",
          line("[2026-01-15 09:20:00] [ERROR] [trade] refused"), "ERROR", "text",
          "[2026-01-15 09:20:00] [ERROR] [trade] refused"),
    Shape("stderr without a level", line("boom", severity="ERROR", stream="stderr"),
          "ERROR", "stream", "boom"),
    Shape("stdout without a level", line("hello 🚀"), "INFO", "stream", "hello 🚀"),
    Shape("a JSON payload with severity and trace", line(PAYLOAD, severity="INFO"), "ERROR", "field",
          "margin call", PAYLOAD, TRACE,
          BOT | {"symbol": "TCS", "trade_id": "T9"}),
    Shape("a JSON payload whose level the agent has moved", line({"message": "moved"}, severity="WARNING"),
          "WARNING", "field", "moved", {"message": "moved"}),
    Shape("the trace of the stored entry", line("hi", trace="projects/p/traces/abc"), "INFO", "stream", "hi",
          None, "projects/p/traces/abc"),
    Shape("another container", line("hi", container="main-runner"), "INFO", "stream", "hi",
          labels=POD | {"bot": "main_runner", "pod": "main-runner-7d9f", "container": "main-runner"}),
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.title)
def test_every_field_of_a_line(serve: Serve, tmp_path: Path, shape: Shape) -> None:
    """A line of this shape is one entry that says exactly this, and nothing to warn about."""
    mirror = Mirror(tmp_path, serve)
    mirror.put_lines([shape.line])

    answer = mirror.read("pods")

    (entry,) = answer.entries
    assert entry == shape.entry()
    assert (answer.partial, answer.warnings) == (False, [])


def traceback_lines(second: int, first_id: int, texts: list[str] = TRACEBACK) -> list[dict[str, Any]]:
    """A traceback on stderr: a line each, a microsecond apart."""
    return [
        stored_line(
            f"2026-01-15T03:50:{second:02d}.00000{number}Z",
            text,
            insert_id=f"t{first_id + number}",
            severity="ERROR",
            stream="stderr",
        )
        for number, text in enumerate(texts)
    ]


def test_a_traceback_is_one_entry(serve: Serve, tmp_path: Path) -> None:
    """Id and time are its first line's, `origin.insert_ids` all of them, in order."""
    mirror = Mirror(tmp_path, serve)
    before = stored_line("2026-01-15T03:50:00Z", ORDER, insert_id="b")
    after = stored_line("2026-01-15T03:50:02Z", "after", insert_id="a")
    mirror.put_lines([before, *traceback_lines(1, 0), after])

    first, told, last = mirror.read("pods").entries

    assert (first["message"], last["message"]) == (ORDER, "after")
    assert told == {
        "id": "pods:projects/p/logs/stderr/2026-01-15T03:50:01.000000Z/t0",
        "timestamp": "2026-01-15T03:50:01.000000Z",
        "timestamp_from": "field",
        "severity": "ERROR",
        "severity_from": "text",
        "source": "pods",
        "message": "\n".join(TRACEBACK),
        "labels": BOT,
        "trace": None,
        "payload": None,
        "origin": {"log_name": "projects/p/logs/stderr", "insert_ids": ["t0", "t1", "t2", "t3"]},
    }


def test_tracebacks_that_follow_each_other_are_two(serve: Serve, tmp_path: Path) -> None:
    """A second `Traceback` after the first one's last line starts an entry of its own."""
    mirror = Mirror(tmp_path, serve)
    mirror.put_lines(traceback_lines(1, 0) + traceback_lines(2, 10))

    answer = mirror.read("pods")

    assert answer.messages == ["\n".join(TRACEBACK)] * 2
    assert [entry["origin"]["insert_ids"][0] for entry in answer.entries] == ["t0", "t10"]


def test_tracebacks_of_two_containers_do_not_mix(serve: Serve, tmp_path: Path) -> None:
    """Lines that alternate in time between containers are put together per container."""
    mirror = Mirror(tmp_path, serve)
    other = [
        stored_line(
            one["timestamp"], one["textPayload"], insert_id="o" + one["insertId"], container="dashboard"
        )
        for one in traceback_lines(1, 0)
    ]
    mirror.put_lines([one for pair in zip(traceback_lines(1, 0), other, strict=True) for one in pair])

    answer = mirror.read("pods")

    assert answer.messages == ["\n".join(TRACEBACK)] * 2
    assert {entry["labels"]["container"] for entry in answer.entries} == {"stock-trader", "dashboard"}


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize(
    ("start", "end", "seen"),
    [
        ("2026-01-15T03:50:00Z", "2026-01-15T03:50:01.000001Z", True),
        ("2026-01-15T03:50:01Z", "2026-01-15T03:51:00Z", True),
        ("2026-01-15T03:50:01.000001Z", "2026-01-15T03:51:00Z", False),
        ("2026-01-15T03:50:00Z", "2026-01-15T03:50:01Z", False),
    ],
)
def test_windows_cut_a_traceback_at_its_first_line(
    serve: Serve, tmp_path: Path, start: str, end: str, seen: bool, order: str
) -> None:
    """It is wholly inside or wholly outside of a window, by the time of its first line."""
    mirror = Mirror(tmp_path, serve)
    mirror.put_lines(traceback_lines(1, 0))

    answer = mirror.read("pods", start=start, end=end, order=order)

    assert answer.messages == (["\n".join(TRACEBACK)] if seen else [])


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("page_size", ["1", "2", "3"])
def test_pages_never_cut_a_traceback(serve: Serve, tmp_path: Path, page_size: str, order: str) -> None:
    """Small pages concatenate to the single answer, whichever way they are read."""
    mirror = Mirror(tmp_path, serve)
    for second in range(4):
        plain = stored_line(f"2026-01-15T03:50:{second:02d}.5Z", f"plain {second}", insert_id=f"p{second}")
        mirror.put_lines([*traceback_lines(second, second * 10), plain])

    whole = mirror.read("pods", order=order).entries
    pages = mirror.read("pods", order=order, page_size=page_size).entries

    assert pages == whole
    assert len(whole) == 8


BROKEN = {
    "cut": b"{",
    "array": b"[1]",
    "null": b"null",
    "not UTF-8": b"\xff\xfe",
    "deep": b"[" * 100_000,
    "no time": b'{"textPayload": "no time"}',
    "nothing": b"{}",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_line_that_is_none_spares_the_others(serve: Serve, tmp_path: Path, data: bytes) -> None:
    """What is not a Cloud Logging entry is warned about, and its neighbours are told."""
    mirror = Mirror(tmp_path, serve)
    mirror.put_lines([line("before")])
    with (tmp_path / "pods/gpt/stock-trader-7d9f/stock-trader.jsonl").open("ab") as file:
        file.write(data + b"\n")
    mirror.put_lines([stored_line("2026-01-15T03:51:00Z", "after", insert_id="i2")])

    answer = mirror.read("pods")

    assert {"before", "after"} <= set(answer.messages)
    assert answer.partial
    assert any("stock-trader" in warning.get("object", "") for warning in answer.warnings)
