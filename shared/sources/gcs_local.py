"""Log objects in a directory: the local twin of Cloud Storage.

    $LOCAL_DATA_DIR/gcs/<bucket>/<object path>

A file's modification time is the object's update time and, in microseconds, its generation.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

from shared.errors import NotFound, SourceError
from shared.layout import folder_may_hold
from shared.sources.object_store import SOURCE, ObjectInfo
from shared.sources.source import Budget, Health

CHUNK_BYTES: Final = 256 * 1024


class LocalObjects:
    """An object store in a directory."""

    def __init__(self, root: Path, buckets: tuple[str, ...]) -> None:
        self._root = root
        self._configured = buckets

    def buckets(self) -> tuple[str, ...]:
        """The configured buckets, else those that exist."""
        if self._configured or not self._root.is_dir():
            return self._configured
        return tuple(sorted(path.name for path in self._root.iterdir() if path.is_dir()))

    def list(self, bucket: str, prefix: str, days: tuple[date, date], budget: Budget) -> Iterable[ObjectInfo]:
        """Files below `prefix`, which may end within a name; folders of other dates are not entered."""
        root = self._root / bucket
        folder = prefix.rpartition("/")[0]
        budget.spend(calls=1)
        for path in _files(root, root / folder, days):
            name = path[len(str(root)) + 1 :]
            if name.startswith(prefix) and (info := self._info(bucket, name, path)):
                yield info

    def open(self, info: ObjectInfo, budget: Budget) -> Iterator[bytes]:
        """The file's bytes; NotFound when it was replaced or removed since it was listed."""
        path = self._root / info.bucket / info.name
        budget.spend(calls=1)
        try:
            with path.open("rb") as file:
                if _generation(os.fstat(file.fileno())) != info.generation:
                    raise NotFound("The object was replaced.")
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk
        except FileNotFoundError:
            raise NotFound("There is no such object.") from None
        except OSError as exc:
            raise SourceError(SOURCE) from exc

    @contextmanager
    def reading(self, budget: Budget) -> Iterator["LocalObjects"]:  # noqa: ARG002
        """A file needs nothing done ahead."""
        yield self

    def expect(self, infos: Sequence[ObjectInfo]) -> None:
        """Nothing is fetched ahead."""

    def stat(self, bucket: str, name: str, budget: Budget) -> ObjectInfo:
        """One file, by an object's name; a name that leaves the bucket is not found."""
        budget.spend(calls=1)
        root = self._root / bucket
        if any(part in ("", ".", "..") for part in name.split("/")):
            raise NotFound("There is no such object.")
        info = self._info(bucket, name, str(root / name))
        if info is None:
            raise NotFound("There is no such object.")
        return info

    def check(self, deadline_s: float) -> Health:  # noqa: ARG002 - a directory answers at once
        """Whether the directory is there."""
        return Health(SOURCE, "ok" if self._root.parent.is_dir() else "down", 0.0)

    def _info(self, bucket: str, name: str, path: str) -> ObjectInfo | None:
        try:
            found = os.stat(path)  # noqa: PTH116 - a Path object per file doubles the time of a listing
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        return ObjectInfo(bucket, name, found.st_size, found.st_mtime_ns, _generation(found))


def _generation(found: os.stat_result) -> int:
    return found.st_mtime_ns // 1000


def _files(root: Path, folder: Path, days: tuple[date, date]) -> Iterator[str]:
    """Paths of the files below `folder`, whatever date is in a file's own name."""
    try:
        with os.scandir(folder) as found:
            # A name that is no UTF-8 cannot be an object's.
            inner = sorted((item for item in found if _is_text(item.name)), key=lambda item: item.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as exc:
        raise SourceError(SOURCE) from exc
    for item in inner:
        if not item.is_dir(follow_symlinks=False):
            yield item.path
        elif folder_may_hold(item.path[len(str(root)) + 1 :], days):
            yield from _files(root, Path(item.path), days)


def _is_text(name: str) -> bool:
    """Whether a file's name is UTF-8: what is not, Python spells with surrogates."""
    return name.isascii() or not any("\ud800" <= char <= "\udfff" for char in name)
