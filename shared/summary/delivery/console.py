"""Where an entry can be seen in the Google Cloud console, from its id alone."""

import re
from typing import Final
from urllib.parse import quote

from shared.sources.pod_filter import quoted

CONSOLE: Final = "https://console.cloud.google.com"

_OBJECT: Final = re.compile(r"gcs:([^/]+)/(.+)#\d+:\d+", re.DOTALL)
_DOCUMENT: Final = re.compile(r"firestore:(.+)", re.DOTALL)
# A log's name has no slash of its own: `projects/P/logs/NAME`, NAME percent-encoded.
_LINE: Final = re.compile(r"pods:(projects/([^/]+)/logs/[^/]+)/(\d{4}-\d{2}-\d{2}T[\d:.]+Z)/(.+)", re.DOTALL)


def console_url(entry_id: str, project: str) -> str | None:
    """The page of the object, the document or the log line that an entry came from.

    None when there is none: no project (a local mirror), or an id that is not one of ours. An object's page
    shows its present generation. Everything that comes from the id is percent-encoded, and the result holds
    only `A-Z a-z 0-9 - . _ ~ : / ; = ? %`.

    Source: https://cloud.google.com/logging/docs/view/logs-explorer-interface (links to a query)
    """
    if not project:
        return None
    if match := _OBJECT.fullmatch(entry_id):
        return _object_url(match[1], match[2], project)
    if match := _DOCUMENT.fullmatch(entry_id):
        return _document_url(match[1], project)
    if match := _LINE.fullmatch(entry_id):
        return _line_url(match[1], match[2], match[3], match[4])
    return None


def _object_url(bucket: str, name: str, project: str) -> str | None:
    path = _path(f"{bucket}/{name}")
    return path and f"{CONSOLE}/storage/browser/_details/{path};tab=live_object?project={_text(project)}"


def _document_url(document: str, project: str) -> str | None:
    path = _path(document)
    return path and f"{CONSOLE}/firestore/databases/-default-/data/panel/{path}?project={_text(project)}"


def _line_url(log_name: str, project: str, timestamp: str, insert_id: str) -> str:
    """A query for the one line. Its own project: a view may show the logs of several."""
    clauses = (("logName", log_name), ("timestamp", timestamp), ("insertId", insert_id))
    query = "\n".join(f"{name}={quoted(value)}" for name, value in clauses)
    cursor = _text(timestamp)
    return f"{CONSOLE}/logs/query;query={_text(query)};cursorTimestamp={cursor}?project={_text(project)}"


def _path(path: str) -> str | None:
    """Encoded segments; None with one that a browser would resolve, and so leave the page that is meant."""
    segments = path.split("/")
    if "." in segments or ".." in segments:
        return None
    return "/".join(_text(segment) for segment in segments)


def _text(text: str) -> str:
    return quote(text, safe="", errors="replace")
