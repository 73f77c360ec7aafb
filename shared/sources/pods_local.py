"""Container logs in a directory: the local twin of Cloud Logging.

    $LOCAL_DATA_DIR/pods/<namespace>/<pod>/<container>.jsonl

A file holds one container's LogEntries in Cloud Logging's JSON form, one a line or as one array (as
`gcloud logging read --format=json` writes them), in any order, compressed or not.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from shared import instant
from shared.config import PodSettings
from shared.decode import Limits, Notes, Record, inflate, is_traceback_start, records
from shared.entry import LogEntry
from shared.errors import SourceError
from shared.query import LogQuery, Window
from shared.redact import Redactor
from shared.sources.containers import (
    SLACK,
    SOURCE,
    Line,
    Places,
    entry_of,
    groups_of,
    line_of,
    places_of,
    seen_names,
    severity_of_group,
)
from shared.sources.scan import FUTURE, Wants, scan
from shared.sources.source import Budget, BudgetSpent, Health, Listing, Page, Plan, Warn, certain

CHUNK_BYTES: Final = 256 * 1024
LIMITS: Final = Limits()
# As many lines as one traceback may have.
MAX_TRACEBACK_LINES: Final = 1000
# The characters of a time up to its seconds: in UTC they sort as the times do.
SECONDS: Final = len("2026-11-20T04:31:07")


class PodLogs:
    """The `pods` source over a directory."""

    name = SOURCE

    def __init__(self, root: Path, settings: PodSettings, redactor: Redactor) -> None:
        self._root = root
        self._settings = settings
        self._redactor = redactor

    def read(self, query: LogQuery, budget: Budget) -> Page:
        """The next page of the containers' entries."""
        return scan(self.name, self._units(query, budget), query, budget, self._redactor)

    def plan(self, query: LogQuery, budget: Budget) -> Plan:
        """How many files and stored bytes a full read of the window would take."""
        sizes = [unit.size for unit in self._units(query, budget)]
        return Plan(self.name, objects=len(sizes), bytes=sum(sizes), api_calls=budget.scanned.api_calls)

    def names(self, query: LogQuery, budget: Budget) -> Listing:
        """The containers that printed something in the window."""
        seen: dict[str, dict[str, Any]] = {}
        bots = query.policy.bounds(SOURCE).bots
        warnings: list[Warn] = []
        for unit in self._units(query, budget):
            try:
                seen |= seen_names(unit.lines(query.window, budget, slack=0), bots)
            except BudgetSpent as spent:
                warnings.append(
                    Warn(SOURCE, "budget_spent", f"The request's budget ({spent.what}) was used up.")
                )
                break
        return Listing(self.name, seen, budget.scanned, bool(warnings), warnings)

    def digest(self, query: LogQuery, budget: Budget) -> str:  # noqa: ARG002 - lines are never rewritten
        """Nothing: a stored line is never rewritten."""
        return ""

    def check(self, deadline_s: float) -> Health:  # noqa: ARG002 - a directory answers at once
        """Whether the directory is there."""
        return Health(SOURCE, "ok" if self._root.parent.is_dir() else "down", 0.0)

    def _units(self, query: LogQuery, budget: Budget) -> list["FileUnit"]:
        places = places_of(query, self._settings)
        with certain(self.name, budget):
            budget.spend(calls=1)
        units = []
        for namespace in places.namespaces:
            for path in sorted((self._root / namespace).glob("*/*")):
                container = path.name.partition(".")[0]
                if places.hold(namespace, path.parent.name, container) and path.is_file():
                    unit = FileUnit(path, str(path.relative_to(self._root)), places, query)
                    if unit.updated + FUTURE >= query.window.start:
                        units.append(unit)
        return units


class FileUnit:
    """One container's file."""

    def __init__(self, path: Path, name: str, places: Places, query: LogQuery) -> None:
        found = path.stat()
        self.name = name
        self.size = found.st_size
        # Its place among the files must not move while it grows: the update time prunes, and orders nothing.
        self.oldest, self.newest = instant.EARLIEST, instant.LATEST
        self.updated = found.st_mtime_ns
        self.at = 0
        self._path = path
        self._places = places
        self._window = query.window
        self._newest_first = query.order == "desc"
        self._newest_below = query.newest_below
        self._notes = Notes()
        self._undated = 0

    def read(
        self, wants: Wants, budget: Budget, after: int, until: int | None
    ) -> Iterator[tuple[LogEntry, int]]:
        """Entries whose time is wanted, of lines behind `after` up to `until`. Lines are sorted first: a
        mirror's files may be in any order."""
        budget.spend(objects=1)
        lines: list[Line] = []
        indexes: list[int] = []
        spent: BudgetSpent | None = None
        try:
            for line in self.lines(self._window, budget, slack=SLACK, after=after, until=until):
                lines.append(line)
                indexes.append(self.at)
        except BudgetSpent as exc:
            spent = exc
            self._leave_open_traceback(lines, indexes)
        lines.sort(key=lambda line: (line.stream, line.order))
        groups = [group for group in groups_of(lines) if wants(group[0].timestamp)]
        if self._newest_below:
            groups = self._without_all_but_the_newest(groups)
        for group in reversed(groups) if self._newest_first else groups:
            if wants(group[0].timestamp):
                yield entry_of(group), sum(line.size for line in group)
        if spent:
            raise spent

    def _without_all_but_the_newest(self, groups: list[list[Line]]) -> list[list[Line]]:
        """Of groups below the severity the newest: the last, for a file is one container's."""
        kept = [group for group in groups[:-1] if severity_of_group(group) >= self._newest_below]
        return [*kept, *groups[-1:]]

    def _leave_open_traceback(self, lines: list[Line], indexes: list[int]) -> None:
        """A traceback that the budget may have cut belongs to the next part, whole."""
        *_, last = list(groups_of(lines[-MAX_TRACEBACK_LINES:])) or [[]]
        is_traceback = len(last) > 1 or (last and is_traceback_start(last[0].text or ""))
        if is_traceback and len(last) < len(lines):
            del lines[-len(last) :]
            self.at = indexes[len(lines) - 1]

    def lines(
        self, window: Window, budget: Budget, *, slack: int, after: int = 0, until: int | None = None
    ) -> Iterator[Line]:
        """The file's lines that lie in the window, `slack` nanoseconds around it included."""
        low, high = window.start - slack, window.end + slack
        low, high = max(low, instant.EARLIEST), min(high, instant.LATEST)
        low_text, high_text = instant.to_text(low)[:SECONDS], instant.to_text(high)[:SECONDS]
        wanted = self._places.clusters
        for record in records(
            inflate(self._chunks(budget, after), self._notes, LIMITS), self.name, self._notes, LIMITS
        ):
            if until is not None and record.index > until:
                return
            self.at = record.index
            line = self._line(record, low_text, high_text) if record.index > after else None
            if line and low <= line.timestamp < high and (not wanted or line.cluster in wanted):
                yield line

    def warnings(self) -> list[Warn]:
        """What of this file could not be delivered as stored."""
        warns = [Warn(SOURCE, note.code, note.detail, self.name) for note in self._notes.faults()]
        if self._undated:
            detail = f"{self._undated} lines are no log entries with a time."
            warns.append(Warn(SOURCE, "undecodable_line", detail, self.name))
        return warns

    def _chunks(self, budget: Budget, after: int) -> Iterator[bytes]:
        try:
            with self._path.open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk
                    budget.spend(bytes=len(chunk) if self.at >= after else 0, forced=self.at <= after)
        except OSError as exc:
            raise SourceError(SOURCE) from exc

    def _line(self, record: Record, low: str, high: str) -> Line | None:
        """The line of a record; None when its time, as text, lies outside of `[low, high]`."""
        text = record.head.timestamp if record.head else None
        if (
            isinstance(text, str)
            and text[10:11] == "T"
            and text.endswith("Z")
            and not low <= text[: len(low)] <= high
        ):
            return None
        size = record.size
        stored = record.value if record.kind == "json" else None
        line = line_of(stored, size) if isinstance(stored, dict) else None
        if line is None:
            self._undated += 1
            line = self._undated_line(record)
        container = self._path.name.partition(".")[0]
        return msgspec.structs.replace(
            line,
            insert_id=line.insert_id or f"line-{record.index}",
            namespace=line.namespace or self._path.parent.parent.name,
            pod=line.pod or self._path.parent.name,
            container=line.container or container,
        )

    def _undated_line(self, record: Record) -> Line:
        """What is no log entry with a time is kept as text, at the file's own time."""
        text = record.text if record.text is not None else msgspec.json.encode(record.value).decode()
        return Line(
            timestamp=self.updated,
            timestamp_from="metadata",
            insert_id=f"line-{record.index}",
            text=text,
            size=len(text),
        )
