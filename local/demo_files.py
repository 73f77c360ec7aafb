"""Files of the demo's local mirror, and the ways in which the bots write times and bytes.

Times are whole microseconds since 1970-01-01 UTC throughout the demo: a file's modification time in
microseconds is an object's generation.
"""

import os
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal
from zlib import compressobj

import msgspec

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
BUCKET: Final = "gpt-runner-logs"

Kind = Literal["object_records", "documents", "pod_lines"]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# zlib's window bits for a gzip header. Its time field stays 0: equal data is equal bytes.
_GZIP: Final = 31
encode: Final = msgspec.json.Encoder().encode


def moment(at: int) -> datetime:
    """A time as an aware datetime."""
    return _EPOCH + timedelta(microseconds=at)


def iso(at: int) -> str:
    """ISO 8601 without an offset, as the bots write it: `2026-11-20T04:31:07.250000`, in UTC."""
    return moment(at).strftime("%Y-%m-%dT%H:%M:%S.%f")


def date_of(at: int) -> str:
    """The UTC date, `2026-11-20`."""
    return moment(at).strftime("%Y-%m-%d")


def zipped(body: bytes) -> bytes:
    """One gzip member."""
    packer = compressobj(1, wbits=_GZIP)
    return packer.compress(body) + packer.flush()


def json_lines(records: Iterable[Any]) -> bytes:
    """One JSON text a line."""
    return b"".join([encode(record) + b"\n" for record in records])


class Mirror:
    """A tree of files, each with the time at which its store would have got it.

        gcs/gpt-runner-logs/trades/2026/11/20/stock_trader/system_logs_043107_v1.jsonl.gz
        firestore/gpt_runner_trades/stock_trader/2026-11-20/<id>.json
        pods/gpt/<pod>/<container>.jsonl

    `counts` has the number of `objects`, and of the records in all files by kind.
    """

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._folders: set[str] = set()
        self._times: set[int] = set()
        self._versions: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()

    def write(self, path: str, body: bytes, at: int, kind: Kind, records: int) -> None:
        """Writes one file; a time that another file has is moved on, so that generations are unique."""
        full = f"{self._root}/{path}"
        folder = full.rpartition("/")[0]
        if folder not in self._folders:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self._folders.add(folder)
        while at in self._times:
            at += 1
        self._times.add(at)
        Path(full).write_bytes(body)
        os.utime(full, ns=(at * 1000, at * 1000))
        self.counts[kind] += records

    def flush(self, folder: str, name: str, suffix: str, body: bytes, *, at: int, records: int) -> None:
        """One object `{folder}/{name}_{HHMMSS}_v{N}{suffix}`; folder and name are strftime patterns.

        A second flush of the same name within a second gets the next version, as the bots do it.
        """
        stem = moment(at).strftime(f"gcs/{BUCKET}/{folder}/{name}_%H%M%S")
        self._versions[stem] += 1
        self.counts["objects"] += 1
        self.write(f"{stem}_v{self._versions[stem]}{suffix}", body, at, "object_records", records)
