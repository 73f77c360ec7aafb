"""A message as the one line that template mining looks at.

* The time, level and category that lines of text begin with are left out: a line of a pod and the same
  line in a file then have one template.
* A Python traceback is its exception and the innermost frame, so that equal crashes meet:
  `KeyError: 'ltp' (strategies/vwap.py:on_tick)`.
* Any other text of several lines is its first line and how many follow.
"""

import re
from typing import Final

MAX_CHARS: Final = 2000

_TIME: Final = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?"
_LEVEL: Final = (
    "(?:TRACE|DEBUG|INFO|INFORMATION|NOTICE|WARN|WARNING|ERR|ERROR|EXCEPTION|CRITICAL|FATAL|ALERT|EMERGENCY)"
)
_HEAD: Final = re.compile(
    rf"\s*(?:(?:\[{_TIME}\]|\[{_LEVEL}\]|{_LEVEL}\s*[:|]|{_LEVEL}\s+-|{_TIME}(?:\s+-)?)\s+)+"
    r"(?:\[[a-z_]{1,30}\]\s+)?(?=\S)",
    re.ASCII,
)
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]")
_UNPRINTABLE: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
_FRAME: Final = re.compile(
    r'^[ \t|]*File "([^"\n]{1,400})", line \d{1,9}(?:, in ([^\n]{1,100}))?', re.MULTILINE
)
_GROUP_MARGIN: Final = re.compile(r"^[ \t]*\| ?", re.MULTILINE)
_TRACEBACK: Final = "Traceback (most recent call last):"
# A traceback is looked at from its end, where the exception is; no further than this.
_MAX_TRACEBACK_CHARS: Final = 20_000


def headline(message: str) -> str:
    """One printable line of at most `MAX_CHARS` characters and a mark; empty for an empty message."""
    if len(message) > MAX_CHARS or not message.isprintable():
        message = plain(message)
    if message[:1] == "{":
        # Records without a message come as compact JSON: spaces make tokens of it.
        message = message.replace('":', '": ').replace(',"', ', "')
    match = _HEAD.match(message)
    return message[match.end() :] if match else message


def plain(message: str) -> str:
    """The line that stands for a text of several lines, or for one with control characters or too long."""
    if _TRACEBACK in message:
        message = _crash(message[-_MAX_TRACEBACK_CHARS:])
    elif "\n" in message or "\r" in message:
        message = _first_line(message)
    # Cut first: what is taken out below is taken out of a bounded text.
    cut = len(message) > MAX_CHARS
    message = _UNPRINTABLE.sub(" ", _ESCAPES.sub("", message[:MAX_CHARS]))
    if cut:
        message = (message.rpartition(" ")[0] or message) + " …"
    return message


def _crash(text: str) -> str:
    if "Exception Group Traceback" in text:
        text = _GROUP_MARGIN.sub("", text)
    frames = list(_FRAME.finditer(text))
    if not frames:
        return _first_line(text[max(0, text.find(_TRACEBACK)) :])
    last = frames[-1]
    where = "/".join(last[1].replace("\\", "/").split("/")[-2:])
    if last[2]:
        where = f"{where}:{last[2]}"
    following = (line for line in text[last.end() :].split("\n")[1:] if line.strip())
    exception = next((line.strip() for line in following if not line[0].isspace()), "Traceback")
    return f"{exception[: MAX_CHARS - 300]} ({where})"


def _first_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        return lines[0] if lines else ""
    return f"{lines[0][: MAX_CHARS - 100]} (+{len(lines) - 1} lines)"
