"""Seeded demo data in the local mirror's layout: `python -m local.demo --out .local/data --days 7`.

Days of a trading fleet ending now, with planted incidents (local/demo_incidents.py has their table) and
some untidy objects. The same seed, days and end give the same bytes and the same file times.
`$OUT/demo.json` tells seed, end, days, counts and incidents.
"""

import argparse
import fcntl
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from local.demo_documents import write_documents
from local.demo_files import DAY, HOUR, SECOND, Mirror, iso
from local.demo_incidents import manifest, planted, stories
from local.demo_lines import services
from local.demo_market import Span
from local.demo_objects import write_log_objects, write_untidy
from local.demo_pods import write_bot_pods, write_service_pods
from local.demo_trades import write_trade_objects

MAX_DAYS: Final = 366
SEED: Final = 7
# Goes up when the data of an older version must not be used again.
VERSION: Final = 1
_MAX_AGE: Final = 12 * HOUR
_MANIFEST: Final = "demo.json"


class NotDemoData(Exception):
    """The directory has files that local.demo did not write; they are left alone."""


class Manifest(msgspec.Struct):
    """`demo.json`. `end` is RFC 3339."""

    version: int
    seed: int
    end: str
    days: int
    counts: dict[str, int]
    incidents: list[dict[str, str]]


def read_manifest(out: Path) -> Manifest | None:
    """What is written in `out`; None when there is nothing, or nothing that local.demo made."""
    try:
        return msgspec.json.decode((out / _MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError):
        return None


def is_fresh(out: Path, days: int, now_s: float) -> bool:
    """Whether `out` has demo data of so many days that end within the last 12 h before `now_s` (epoch)."""
    found = read_manifest(out)
    if found is None or (found.version, found.days) != (VERSION, days):
        return False
    age = int(now_s * SECOND) - _micros(found.end)
    return 0 <= age < _MAX_AGE


def ensure(out: Path, days_text: str) -> None:
    """Demo data of so many days in `out`, ending now; those that are there are used for 12 h.

    Raises: ValueError for a number of days that is none, NotDemoData, OSError.
    """
    if not (days_text.isascii() and days_text.isdecimal() and len(days_text) <= len(str(MAX_DAYS))):
        raise ValueError(f"DEMO_DAYS={days_text} must be a whole number between 1 and {MAX_DAYS}")
    days, now_s = int(days_text), time.time()
    if not is_fresh(out, days, now_s):
        print(f"Writing demo data to {out}, days: {days} …", flush=True)
        write(out, days=days, seed=SEED, end_s=now_s)


def write(out: Path, *, days: int, seed: int, end_s: float) -> Manifest:
    """Writes the demo data to `out`, in place of older demo data there.

    All of it is written beside `out` and renamed: an interrupted run leaves what was there before.

    Raises: NotDemoData, OSError, ValueError for days outside 1..366.
    """
    if not 1 <= days <= MAX_DAYS:
        raise ValueError(f"the number of days must be between 1 and {MAX_DAYS}, not {days}")
    out.parent.mkdir(parents=True, exist_ok=True)
    with alone(out):
        if out.exists() and read_manifest(out) is None and (not out.is_dir() or any(out.iterdir())):
            raise NotDemoData(f"{out} exists and is not demo data: it is left as it is")
        draft, old = _siblings(out)
        try:
            made = _fill(draft, Span(int(end_s * SECOND) - days * DAY, int(end_s * SECOND)), days, seed)
            if out.exists():
                out.rename(old)
            draft.rename(out)
        finally:
            _sweep(out)
    return made


def _fill(root: Path, span: Span, days: int, seed: int) -> Manifest:
    mirror = Mirror(root)
    key = f"{seed} {span.end} {days}"
    incidents = planted(span)
    for story in stories(span, incidents, key):
        write_log_objects(mirror, story, Random(f"{key} {story.bot.name} logs"))
        write_trade_objects(mirror, story, Random(f"{key} {story.bot.name} trades"))
        write_documents(mirror, story, Random(f"{key} {story.bot.name} documents"))
        write_bot_pods(mirror, story, Random(f"{key} {story.bot.name} pods"))
        if story.bot.name == "stock_trader":
            write_untidy(mirror, story, Random(f"{key} untidy"))
    for name, lines in services(Span(span.begin, span.end - 5 * SECOND), Random(f"{key} services")).items():
        write_service_pods(mirror, name, lines, span, Random(f"{key} {name}"))
    made = Manifest(VERSION, seed, iso(span.end) + "Z", days, _counts(mirror), manifest(incidents))
    text = msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n"
    (root / _MANIFEST).write_bytes(text)
    os.utime(root / _MANIFEST, ns=(span.end * 1000, span.end * 1000))
    return made


def _counts(mirror: Mirror) -> dict[str, int]:
    names = ("objects", "object_records", "documents", "pod_lines")
    counts = {name: mirror.counts[name] for name in names}
    return counts | {"records": sum(counts[name] for name in names[1:])}


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Holds the lock beside `out`: whoever comes second waits, and what lies about then is nobody's."""
    with out.with_name(f".{out.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _sweep(out)
        yield


def _siblings(out: Path) -> tuple[Path, Path]:
    return out.with_name(f".{out.name}.writing"), out.with_name(f".{out.name}.old")


def _sweep(out: Path) -> None:
    draft, old = _siblings(out)
    if old.exists() and not out.exists():
        old.rename(out)  # killed between the two renames
    for leftover in (draft, old):
        shutil.rmtree(leftover, ignore_errors=True)


def _micros(rfc3339: str) -> int:
    return int(datetime.fromisoformat(rfc3339).timestamp()) * SECOND


def _end(text: str) -> float:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text}: a time needs its offset, such as Z")
    return moment.timestamp()


def main(argv: list[str]) -> int:
    """Writes the data and prints one line about them."""
    parser = argparse.ArgumentParser(prog="python -m local.demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(".local/data"))
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--end", type=_end, default=None, help="RFC 3339; default: now")
    options = parser.parse_args(argv)
    started = time.monotonic()
    end_s = time.time() if options.end is None else options.end
    try:
        made = write(options.out, days=options.days, seed=options.seed, end_s=end_s)
    except (NotDemoData, ValueError, OSError) as exc:
        print(f"local.demo: {exc}", file=sys.stderr)
        return 2
    told = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in made.counts.items())
    print(f"{options.out}: {told}, in {time.monotonic() - started:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
