"""Log documents in a directory: the local twin of Firestore.

    $LOCAL_DATA_DIR/firestore/<collection>/<doc>/<subcollection>/<doc>.json

A file holds a document's fields; its modification time is the document's update and create time.
"""

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from shared.decode import Notes, decode_json
from shared.decode.notes import INVALID_UTF8
from shared.errors import NotFound, SourceError
from shared.sources.document_store import SOURCE, UNDECODABLE, Collection, Document
from shared.sources.source import Budget, Health


class LocalDocuments:
    """A document store in a directory."""

    lists_dearly = False

    def __init__(self, root: Path) -> None:
        self._root = root

    def documents_in(self, collection: str, budget: Budget) -> Iterable[str]:
        """Ids of files and folders: a folder alone is a document that exists only as a parent."""
        budget.spend(calls=1)
        return sorted({name.removesuffix(".json") for name in self._names(collection)})

    def collections_in(self, documents: Sequence[str], budget: Budget) -> Iterable[tuple[str, str]]:
        """The folders below documents' folders."""
        for document in documents:
            budget.spend(calls=1)
            for name in self._names(document):
                if (self._root / document / name).is_dir():
                    yield document, name

    def ids_in(self, collection: Collection, budget: Budget) -> Iterable[str]:
        """Ids of the files that hold documents."""
        budget.spend(calls=1)
        names = self._names(collection.path)
        ids = sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))
        return [one for one in ids if collection.admits(one)]

    @contextmanager
    def reading(self, budget: Budget) -> Iterator["LocalDocuments"]:  # noqa: ARG002
        """A file needs nothing done ahead."""
        yield self

    def expect(self, collections: Sequence[Collection]) -> None:
        """Nothing is fetched ahead."""

    def read(self, collection: Collection, after: str, budget: Budget) -> Iterator[Document]:
        """Documents of a folder in the order of their ids."""
        for document_id in self.ids_in(collection, budget):
            if document_id > after and (document := self._document(f"{collection.path}/{document_id}")):
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
        notes = Notes()
        fields = decode_json(data, notes)
        fault = INVALID_UTF8 if any(note.code == INVALID_UTF8 for note in notes.faults()) else ""
        if not isinstance(fields, dict):
            fields, fault = {"message": data.decode("utf-8", errors="replace")}, UNDECODABLE
        return Document(path, fields, updated, updated, len(data), fault)
