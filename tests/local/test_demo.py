"""The demo data, read back from the files by a reader of its own."""

import gzip
import hashlib
import json
import re
import signal
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local import demo
from local.run import ROOT

END = datetime(2026, 11, 24, 12, tzinfo=UTC)
SUNDAY = datetime(2026, 11, 22, 3, tzinfo=UTC)
MONDAY_BEFORE_OPENING = datetime(2026, 11, 23, 3, 40, tzinfo=UTC)
BOTS = ("stock_trader", "options_trader", "futures_trader", "paper_trader")
TIME_IN_TEXT = re.compile(r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\] \[[A-Z]+\] \[\w+\] ")


def write(out: Path, end: datetime, days: int = 7, seed: int = 7) -> Path:
    demo.write(out, days=days, seed=seed, end_s=end.timestamp())
    return out


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven days that end on a Tuesday after the close."""
    return write(tmp_path_factory.mktemp("week") / "data", END)


@cache
def objects(data: Path) -> list[Path]:
    return list((data / "gcs" / "gpt-runner-logs").rglob("*_v*"))


@cache
def unpacked(path: Path) -> tuple[bytes, int, bool]:
    """An object's raw bytes, its number of gzip members (0: none), and whether the last one is whole."""
    left, raw, members = path.read_bytes(), b"", 0
    if left[:2] != b"\x1f\x8b":
        return left, 0, True
    while left:
        unpacker = zlib.decompressobj(31)
        raw += unpacker.decompress(left)
        members += 1
        if not unpacker.eof:
            return raw, members, False
        left = unpacker.unused_data
    return raw, members, True


def shape(path: Path, raw: bytes) -> tuple[str, list[Any]]:
    """What kind of body it is, and its records; text entries are their first lines."""
    text = raw.decode(errors="replace")
    if text.startswith("[{"):
        return "array", json.loads(text)
    if text.startswith("{"):
        lines = [whole(line) for line in text.splitlines()]
        return ("lines" if len(lines) > 1 or ".jsonl" in path.name else "object"), lines
    if ".csv" in path.name:
        return "csv", text.splitlines()[1:]
    return "text", [line for line in text.splitlines() if TIME_IN_TEXT.match(line)]


def whole(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def pod_entries(data: Path) -> Iterator[tuple[Path, list[dict[str, Any]]]]:
    for path in (data / "pods").rglob("*.jsonl"):
        yield path, [json.loads(line) for line in path.read_text().splitlines()]


@cache
def documents(data: Path) -> list[tuple[Path, dict[str, Any]]]:
    return [(path, json.loads(path.read_bytes())) for path in (data / "firestore").rglob("*.json")]


def incident(data: Path, name: str) -> tuple[datetime, datetime]:
    manifest = json.loads((data / "demo.json").read_bytes())
    (found,) = [each for each in manifest["incidents"] if each["name"] == name]
    return datetime.fromisoformat(found["start"]), datetime.fromisoformat(found["end"])


@cache
def spoken(data: Path, container: str) -> list[tuple[datetime, str]]:
    """Times and texts of a container's text entries."""
    return [
        (datetime.fromisoformat(entry["timestamp"][:26] + "Z"), entry["textPayload"])
        for path, entries in pod_entries(data)
        if path.stem == container
        for entry in entries
    ]


def test_a_week_is_large_and_is_counted_right(week: Path) -> None:
    """At least 1,000 objects, 3,000 documents, 40,000 pod lines, 100,000 records; demo.json tells them."""
    counts = json.loads((week / "demo.json").read_bytes())["counts"]
    pods = sum(len(entries) for _, entries in pod_entries(week))
    whole_objects = [shape(path, raw)[1] for path in objects(week) for raw, _, ok in [unpacked(path)] if ok]
    records = sum(map(len, whole_objects))

    assert counts["objects"] == len(objects(week)) >= 1000
    assert counts["documents"] == len(documents(week)) >= 3000
    assert counts["pod_lines"] == pods >= 40_000
    # The one cut object holds some of its records.
    assert records < counts["object_records"] < records + 200
    assert counts["records"] == counts["object_records"] + counts["documents"] + pods >= 100_000


def test_every_shape_of_body_is_there(week: Path) -> None:
    """Lines, arrays, single objects, CSV, text; gzip of one or several members, or none whatever the name."""
    seen: Counter[tuple[str, str]] = Counter()
    for path in objects(week):
        raw, members, _ = unpacked(path)
        packing = "many" if members > 1 else "gzip" if members else "plain"
        named = "gz" if path.suffix == ".gz" else "other"
        seen[shape(path, raw)[0], f"{packing} as {named}"] += 1

    assert {kind for kind, _ in seen} == {"array", "lines", "object", "csv", "text"}
    for wanted in ("gzip as gz", "many as gz", "plain as gz", "gzip as other", "plain as other"):
        assert seen["lines", wanted] >= 3, wanted
    assert seen["text", "plain as other"] >= 3
    assert seen["text", "gzip as gz"] >= 3


def test_objects_lie_where_the_functions_look(week: Path) -> None:
    """Only below the default prefixes, with the date in each of its forms, for all four bots."""
    names = [str(path.relative_to(week / "gcs" / "gpt-runner-logs")) for path in objects(week)]

    assert {name.partition("/")[0] for name in names} == {"trades", "reflections", "strategies"}
    for bot in BOTS:
        assert any(
            re.fullmatch(rf"trades/2026/11/\d\d/{bot}/system_logs_\d{{6}}_v1\.jsonl\.gz", n) for n in names
        )
        assert any(re.fullmatch(rf"strategies/2026-11-\d\d/{bot}/cognitive_decisions_.*", n) for n in names)
        assert any(re.fullmatch(rf"reflections/202611\d\d/{bot}/gpt_reflections_.*", n) for n in names)


def test_a_file_has_the_time_of_its_flush(week: Path) -> None:
    """Generations are unique, names carry the flush's time, and no record is newer than its object."""
    times = [path.stat().st_mtime_ns for path in objects(week)]
    late = 0

    assert len(set(times)) == len(times)
    assert max(times) <= END.timestamp() * 1e9
    for path in objects(week):
        flushed = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None)
        assert f"_{flushed:%H%M%S}_v" in path.name
        if "system_logs" in path.name and unpacked(path)[2]:
            records = shape(path, unpacked(path)[0])[1]
            if records[-1] is None:
                continue  # the half-written line
            newest = max(datetime.fromisoformat(record["timestamp"]) for record in records)
            assert flushed - newest < timedelta(seconds=6)
            late += newest > flushed
    assert late == 1  # the record from the future


def test_the_untidy_ones_are_there_but_few(week: Path) -> None:
    """One each: a cut gzip, a half line, invalid UTF-8, NaN, a number of 30 digits."""
    found: Counter[str] = Counter()
    for path in objects(week):
        raw, _, ok = unpacked(path)
        found["cut"] += not ok
        found["half line"] += ok and ".jsonl" in path.name and not raw.endswith(b"\n")
        found["not utf-8"] += ok and b"\xff\xfe" in raw
        found["nan"] += b":NaN" in raw
        found["huge"] += b":123456789012345678901234567890" in raw

    assert found == {"cut": 1, "half line": 1, "not utf-8": 1, "nan": 1, "huge": 1}


def test_pod_lines_are_log_entries_in_time_order(week: Path) -> None:
    """Each line is a LogEntry with the severity that GKE would give it, and no insert id is used twice."""
    ids: set[str] = set()
    severities: Counter[tuple[str, str, bool]] = Counter()
    for path, entries in pod_entries(week):
        times = [entry["timestamp"] for entry in entries]
        assert times == sorted(times)
        for entry in entries:
            ids.add(entry["insertId"])
            labels = entry["resource"]["labels"]
            named = (labels["namespace_name"], labels["pod_name"], labels["container_name"])
            assert named == (*path.parts[-3:-1], path.stem)
            assert re.fullmatch(r"2026-11-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", entry["timestamp"])
            stream = entry["logName"].rpartition("/")[2]
            severities[stream, entry["severity"], "textPayload" in entry] += 1
    assert len(ids) == sum(severities.values())
    assert {key for key in severities if key[2]} == {("stdout", "INFO", True), ("stderr", "ERROR", True)}
    assert {key[1] for key in severities if not key[2]} == {"INFO", "WARNING", "ERROR"}


def test_documents_are_named_by_bot_and_date_with_mixed_types(week: Path) -> None:
    """Trades below their date, reviews by their date; prices and times come in every type the bots write."""
    types: set[type] = set()
    offsets: set[str] = set()
    for path, fields in documents(week):
        if "gpt_runner_reflections" in path.parts:
            assert re.fullmatch(r"2026-11-\d\d", path.stem)
            assert set(fields) == {"reflection"}
            continue
        assert path.parent.parent.name in BOTS
        assert re.fullmatch(r"[A-Za-z0-9]{20}", path.stem)
        types.add(type(fields["entry_price"]))
        opened = fields.get("timestamp", fields.get("entry_time", ""))
        offsets.add(opened[26:])
    assert types == {int, float, str}
    assert offsets == {"", "Z", "+05:30"}


def test_trading_hours_are_kept(week: Path) -> None:
    """Only paper_trader and what is planted trades outside 09:15 to 15:30 in India on weekdays."""
    planted = incident(week, "margin_rejections")
    for path, fields in documents(week):
        if "gpt_runner_trades" in path.parts and "paper_trader" not in path.parts and "+" not in str(fields):
            opened = fields.get("timestamp", fields.get("entry_time"))
            if opened and not fields["trade_id"].endswith("M") and "DUP" not in fields["trade_id"]:
                at = datetime.fromisoformat(opened.removesuffix("Z"))
                assert at.weekday() < 5
                assert "03:45" <= f"{at:%H:%M}" < "10:00"
    assert planted[0] == END - timedelta(hours=9)


def test_the_margin_burst_is_told_by_three_stores(week: Path) -> None:
    """180 refusals of one strategy within its hour: in Firestore, in the pod, in the objects."""
    start, end = incident(week, "margin_rejections")
    refused = {f["trade_id"] for _, f in documents(week) if f.get("trade_id", "").endswith("M")}
    lines = [text for at, text in spoken(week, "options-trader") if start <= at < end + timedelta(seconds=1)]
    stored = b"".join(unpacked(path)[0] for path in objects(week) if "trades_detailed" in path.name).decode()

    assert len(refused) == 180
    for trade_id in refused:
        assert f'"{trade_id}"' in stored
        assert any("Insufficient margin" in line and line.endswith(trade_id) for line in lines)


def test_the_outage_hits_every_bot_with_tracebacks(week: Path) -> None:
    """Each bot's pod and text objects have the tracebacks, within the last three days."""
    start, end = incident(week, "broker_outage")
    assert END - timedelta(days=3) <= start < end <= END
    for bot in BOTS:
        texts = [text for at, text in spoken(week, bot.replace("_", "-")) if start <= at < end]
        assert texts.count("Traceback (most recent call last):") > 30
        traces = [
            unpacked(p)[0] for p in objects(week) if p.parent.name == bot and p.name.startswith("trace")
        ]
        assert sum(raw.count(b"BrokerUnavailable: api.broker.example") for raw in traces) > 30


def test_the_silent_bot_says_nothing_for_26_hours(week: Path) -> None:
    """futures_trader is in no store after the outage, and the others are in all of them."""
    since = (END - timedelta(hours=26)).timestamp()

    def last(bot: str) -> list[float]:
        names = (bot, bot.replace("_", "-"))
        roots = (week / "gcs", week / "firestore", week / "pods")
        files = [[p for p in root.rglob("*") if p.is_file() and _of(p, names)] for root in roots]
        return [max(path.stat().st_mtime for path in own) for own in files]

    assert max(last("futures_trader")) < since
    for bot in ("stock_trader", "options_trader", "paper_trader"):
        assert min(last(bot)) > since


def _of(path: Path, names: tuple[str, str]) -> bool:
    return any(part in names for part in (*path.parts, path.stem))


def test_one_trade_is_booked_twice(week: Path) -> None:
    """The duplicated trade has two documents, two placements in the pod, and more than two flushes."""
    twice = [fields for _, fields in documents(week) if "DUP" in fields.get("trade_id", "")]
    placed = [text for _, text in spoken(week, "stock-trader") if "Order placed" in text and "DUP" in text]

    assert len(twice) == len(placed) == 2
    assert twice[0]["trade_id"] == twice[1]["trade_id"]


def test_the_key_and_the_injection_are_in_the_last_day(week: Path) -> None:
    """One leaked key of paper_trader and one line that gives orders to a model, in pod and object."""
    stored = b"".join(unpacked(path)[0] for path in objects(week)).decode(errors="replace")
    leaks = [
        (at, t) for at, t in spoken(week, "paper-trader") if re.search(r"api_key=sk-proj-[0-9a-f]{48}", t)
    ]
    orders = [(at, t) for at, t in spoken(week, "stock-trader") if "Ignore all previous instructions" in t]

    assert [at.replace(microsecond=0) for at, _ in leaks] == [END - timedelta(hours=4)]
    assert [at.replace(microsecond=0) for at, _ in orders] == [END - timedelta(hours=3)]
    assert len(re.findall(r"api_key=sk-proj-[0-9a-f]{48}", stored)) >= 1
    assert stored.count("Ignore all previous instructions") == 2


@pytest.mark.parametrize("end", [SUNDAY, MONDAY_BEFORE_OPENING], ids=["sunday", "monday before opening"])
def test_the_last_day_is_never_empty(tmp_path: Path, end: datetime) -> None:
    """Whenever someone starts the demo, each store has something of the last 24 h, errors among it."""
    data = write(tmp_path / "data", end, days=1)
    since = (end - timedelta(hours=24)).timestamp()
    new_objects = [path for path in objects(data) if path.stat().st_mtime >= since]
    new_documents = [path for path, _ in documents(data) if path.stat().st_mtime >= since]

    assert len(new_objects) > 50
    assert any(b'"level":"ERROR"' in unpacked(path)[0] for path in new_objects)
    assert sum("options_trader" in path.parts for path in new_documents) == 180
    for bot in ("stock-trader", "options-trader", "paper-trader"):
        assert sum(at.timestamp() >= since for at, _ in spoken(data, bot)) > 300


def digest(data: Path) -> str:
    files = sorted(path for path in data.rglob("*") if path.is_file())
    told = [
        f"{p.relative_to(data)} {p.stat().st_mtime_ns} {hashlib.sha256(p.read_bytes()).hexdigest()}"
        for p in files
    ]
    return "\n".join(told)


def test_equal_seed_and_end_give_equal_data(tmp_path: Path) -> None:
    """The same bytes, names and times; another seed gives others."""
    first, second = (write(tmp_path / name, END, days=1) for name in ("a", "b"))
    other = write(tmp_path / "c", END, days=1, seed=8)

    assert digest(first) == digest(second)
    assert digest(first) != digest(other)


def test_more_days_are_more_data(tmp_path: Path) -> None:
    """The volume follows the days: one weekday against two."""
    friday = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
    one = demo.write(tmp_path / "one", days=1, seed=7, end_s=friday)
    two = demo.write(tmp_path / "two", days=2, seed=7, end_s=friday)

    for name in ("objects", "documents", "pod_lines", "object_records"):
        assert 1.6 < two.counts[name] / one.counts[name] < 2.8


def test_data_are_fresh_for_12_hours_and_for_their_days_only(week: Path, tmp_path: Path) -> None:
    """Older data, data of other days, of the future, or none at all have to be written anew."""
    end_s = END.timestamp()

    assert demo.is_fresh(week, 7, end_s)
    assert demo.is_fresh(week, 7, end_s + 12 * 3600 - 1)
    assert not demo.is_fresh(week, 7, end_s + 12 * 3600)
    assert not demo.is_fresh(week, 7, end_s - 1)
    assert not demo.is_fresh(week, 30, end_s)
    assert not demo.is_fresh(tmp_path / "nothing", 7, end_s)
    (tmp_path / "demo.json").write_text("{")
    assert not demo.is_fresh(tmp_path, 7, end_s)


def test_new_data_take_the_place_of_old_demo_data(tmp_path: Path) -> None:
    """Nothing of the older data remains, and nothing lies beside them but the lock."""
    out = write(tmp_path / "data", SUNDAY, days=1)
    write(out, END, days=1)

    assert json.loads((out / "demo.json").read_bytes())["end"] == "2026-11-24T12:00:00.000000Z"
    assert not list((out / "gcs" / "gpt-runner-logs" / "trades" / "2026" / "11").glob("21"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".data.lock", "data"]


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    """Somebody's own logs are never replaced by demo data."""
    (tmp_path / "mine.log").write_text("precious")

    with pytest.raises(demo.NotDemoData):
        write(tmp_path, END, days=1)

    assert [path.name for path in tmp_path.iterdir()] == ["mine.log"]


def test_an_interrupted_run_leaves_nothing_half_made(tmp_path: Path) -> None:
    """Ctrl-C in the middle: neither the data nor their draft are there."""
    out = tmp_path / "data"
    command = [sys.executable, "-m", "local.demo", "--out", str(out), "--days", "60"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as writer:
        deadline = time.monotonic() + 20
        while not list(tmp_path.glob(".data.writing/gcs/*")) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert list(tmp_path.glob(".data.writing/gcs/*"))
        writer.send_signal(signal.SIGINT)
        writer.wait(20)

    assert writer.returncode != 0
    assert [path.name for path in tmp_path.iterdir()] == [".data.lock"]


def test_what_a_killed_run_left_is_swept_by_the_next(tmp_path: Path) -> None:
    """Even after SIGKILL the draft goes, and older data that were just being replaced come back."""
    out = write(tmp_path / "data", END, days=1)
    before = digest(out)
    out.rename(tmp_path / ".data.old")
    (tmp_path / ".data.writing").mkdir()

    with demo.alone(out):
        assert digest(out) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [".data.lock", "data"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--days", "0"], "between 1 and 366"),
        (["--days", "367"], "between 1 and 366"),
        (["--end", "2026-11-24T12:00:00"], "needs its offset"),
        (["--end", "soon"], "invalid"),
    ],
)
def test_bad_arguments_are_named(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    """Exit code 2 and a sentence; nothing is written."""
    command = [sys.executable, "-m", "local.demo", "--out", str(tmp_path / "data"), *arguments]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert answer.returncode == 2
    assert sentence in answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_gzip_members_are_readable_by_everyone(week: Path) -> None:
    """What the demo packs by itself, Python's own gzip reads: no private dialect."""
    packed = next(path for path in objects(week) if unpacked(path)[1] > 1)

    assert gzip.decompress(packed.read_bytes()) == unpacked(packed)[0]
