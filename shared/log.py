"""The process's own log: one JSON object a line, in the shape that Cloud Logging understands.

Source: https://cloud.google.com/logging/docs/structured-logging
"""

import logging
import os
import re
import sys
from contextvars import ContextVar
from typing import Any, Final

import msgspec

request_id: ContextVar[str] = ContextVar("request_id", default="")
trace: ContextVar[str] = ContextVar("trace", default="")
_trace_flags: ContextVar[str] = ContextVar("trace_flags", default="00")

# Source: https://www.w3.org/TR/trace-context/#traceparent-header (an id of zeros only is none)
_TRACEPARENT: Final = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})", re.ASCII)
_SEVERITIES: Final = {"WARN": "WARNING", "FATAL": "CRITICAL"}


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON; `extra={"fields": {…}}` adds fields beside the message."""

    def __init__(self, function: str, project: str = "") -> None:
        """`project`: Google Cloud's, so that Cloud Logging can find a line's trace."""
        super().__init__()
        self._function = function
        self._traces = f"projects/{project}/traces/" if project else ""

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
            line["logging.googleapis.com/trace"] = self._traces + current
        fields = getattr(record, "fields", None)
        if isinstance(fields, dict):
            line |= fields
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


def continue_trace(header: str) -> None:
    """The trace of this context, from an incoming `traceparent`; none when it is not one."""
    found = _TRACEPARENT.fullmatch(header)
    trace.set(found[1] if found else "")
    _trace_flags.set(found[2] if found else "00")


def traceparent() -> str:
    """The `traceparent` to send upstream: the same trace, a new parent id; "" outside of a trace.

    The trace belongs to the context of the request's thread: ask before handing work to another one.
    """
    current = trace.get()
    return f"00-{current}-{os.urandom(8).hex()}-{_trace_flags.get()}" if current else ""


def setup(function: str, level: str, project: str = "") -> None:
    """Write every logger's records to stdout as JSON, whatever was set up before.

    The framework may have installed handlers already, in which case `basicConfig` without `force`
    would do nothing.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(function, project))
    logging.basicConfig(level=level, handlers=[handler], force=True)


def fields(**values: Any) -> dict[str, Any]:
    """`extra=` for fields beside the message."""
    return {"fields": values}
