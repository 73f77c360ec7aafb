"""Log documents in a directory: the local twin of Firestore.

    $LOCAL_DATA_DIR/firestore/<collection>/<doc>/<subcollection>/<doc>.json

A file holds a document's fields; its modification time is the document's update and create time.
"""

import errno
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from shared.decode import Notes, decode_json
from shared.errors import NotFound, SourceError
from shared.sources.documents import SOURCE, Days, Document
from shared.sources.source import Budget, Health


class LocalDocuments:
    """A document store in a directory."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def documents_in(self, collection: str, budget: Budget) -> Iterable[str]:
        """Ids of files and folders: a folder alone is a document that exists only as a parent."""
        budget.spend(calls=1)
        return sorted({name.removesuffix(".json") for name in self._names(collection)})

    def collections_in(self, document: str, budget: Budget) -> Iterable[str]:
        """Names of the folders below a document's folder."""
        budget.spend(calls=1)
        return [name for name in self._names(document) if (self._root / document / name).is_dir()]

    def read(self, collection: str, days: Days | None, budget: Budget) -> Iterator[Document]:
        """Documents of a folder in the order of their ids."""
        budget.spend(calls=1)
        for name in self._names(collection):
            document_id = name.removesuffix(".json")
            if document_id == name or (days and not str(days[0]) <= document_id <= str(days[1])):
                continue
            if document := self._document(f"{collection}/{document_id}"):
                yield document

    def get(self, path: str, budget: Budget) -> Document:
        """One document."""
        budget.spend(calls=1)
        document = self._document(path)
        if document is None:
            raise NotFound("There is no such document.")
        return document

    def check(self, deadline_s: float) -> Health:  # noqa: ARG002 - a directory answers at once
        """Whether the directory is there."""
        return Health(SOURCE, "ok" if self._root.parent.is_dir() else "down", 0.0)

    def _names(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(self._root / folder))  # noqa: PTH208 - names are all that is needed
        except (FileNotFoundError, NotADirectoryError):
            return []
        except (OSError, ValueError) as exc:
            raise SourceError(SOURCE) from exc

    def _document(self, path: str) -> Document | None:
        try:
            with (self._root / f"{path}.json").open("rb") as file:
                data = file.read()
                updated = os.fstat(file.fileno()).st_mtime_ns
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except (OSError, ValueError) as exc:
            if isinstance(exc, OSError) and exc.errno == errno.ENAMETOOLONG:
                return None
            raise SourceError(SOURCE) from exc
        return Document(path, _fields(data), updated, updated, len(data))


def _fields(data: bytes) -> dict[str, Any]:
    """A document's fields; a file that is no JSON object keeps its text as its message."""
    value = decode_json(data, Notes())
    return value if isinstance(value, dict) else {"message": data.decode("utf-8", errors="replace")}
