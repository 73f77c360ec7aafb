"""The process's own log: one JSON object a line, in the shape that Cloud Logging understands.

Source: https://cloud.google.com/logging/docs/structured-logging
"""

import logging
import sys
from contextvars import ContextVar
from typing import Any, Final

import msgspec

request_id: ContextVar[str] = ContextVar("request_id", default="")
trace: ContextVar[str] = ContextVar("trace", default="")

_SEVERITIES: Final = {"WARN": "WARNING", "FATAL": "CRITICAL"}


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON; `extra={"fields": {…}}` adds fields beside the message."""

    def __init__(self, function: str) -> None:
        super().__init__()
        self._function = function

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its line feed. What cannot be written as JSON is written as text."""
        line: dict[str, Any] = {
            "severity": _SEVERITIES.get(record.levelname, record.levelname),
            "message": record.getMessage(),
            "logger": record.name,
            "function": self._function,
        }
        if current := request_id.get():
            line["request_id"] = current
        if current := trace.get():
            line["logging.googleapis.com/trace"] = current
        fields = getattr(record, "fields", None)
        if isinstance(fields, dict):
            line |= fields
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


def setup(function: str, level: str) -> None:
    """Write every logger's records to stdout as JSON, whatever was set up before.

    The framework may have installed handlers already, in which case `basicConfig` without `force`
    would do nothing.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(function))
    logging.basicConfig(level=level, handlers=[handler], force=True)


def fields(**values: Any) -> dict[str, Any]:
    """`extra=` for fields beside the message."""
    return {"fields": values}
