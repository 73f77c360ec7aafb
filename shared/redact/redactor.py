"""Redactor: secrets and personal data out of texts and JSON values, typed placeholders in."""

import hmac
from typing import Any, Final, NamedTuple

import msgspec

from shared.entry import LogEntry
from shared.normalise import compact
from shared.redact.keyed import without_scheme
from shared.redact.keynames import MAX_NAME, meaning
from shared.redact.rules import compiled
from shared.redact.spans import HELD, RANK, Masked, Span, canonical, is_placeholder, mask, merged, replaced

# Replacing one secret can bring another to light once or twice; the bound is against the unforeseen.
_MAX_PASSES: Final = 8
_SHORTEST: Final = 6  # a@b.co
_LONG_NUMBER: Final = 10**12  # thirteen digits: the shortest card number
_WRITABLE: Final = 10**40
_MAX_NAMES: Final = 4096
_CYCLE: Final = "[CYCLE]"
# What JSON of more than a number, true, false or null begins with.
_JSON_BEGINS: Final = frozenset('{["')


class _Place(NamedTuple):
    """Where a value stands: the name it has, and the kind of secret that a name above makes of it."""

    name: str = ""
    secret: str | None = None


# Name and redacted name (None in a list), value, place.
_Child = tuple[Any, Any, Any, _Place]


class Redactor:
    """Replaces secrets by `[KIND:xxxxxx]`, six hex digits of HMAC-SHA256(key, secret).

    Equal secrets get equal placeholders wherever the key is equal; redacting twice changes nothing.
    Linear in the size of its input; safe for use by several threads.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        # Names of fields come again and again: each is redacted once.
        self._names: dict[str, tuple[str, _Place]] = {}

    def text(self, text: str) -> str:
        """`text` without secrets: the same object when there are none. Lone surrogates are kept."""
        if len(text) < _SHORTEST:
            return text
        data = text.encode("utf-8", "surrogatepass")
        if not compiled().gate.Match(data):
            return text
        return self._without_secrets(text, data)

    def entry(self, entry: LogEntry) -> LogEntry:
        """An entry without secrets in its message, labels, trace and payload; the same when it has none."""
        payload, labels = self.value(entry.payload), self.value(entry.labels)
        message, trace = entry.message, entry.trace and self.text(entry.trace)
        if payload is not entry.payload and message == compact(entry.payload):
            # It was cut: made anew, lest the cut leave half a secret that is not known for one.
            message = compact(payload)
        message = self.text(message)
        if (
            message is entry.message
            and labels is entry.labels
            and payload is entry.payload
            and trace is entry.trace
        ):
            return entry
        return msgspec.structs.replace(entry, message=message, labels=labels, trace=trace, payload=payload)

    def message(self, entry: LogEntry) -> str:
        """What `entry` would say in `message`, without the work on a payload that is not wanted."""
        message = entry.message
        if message[:1] in _JSON_BEGINS and message == compact(entry.payload):
            message = compact(self.value(entry.payload))
        return self.text(message)

    def value(self, value: Any) -> Any:
        """A JSON value without secrets, keys included; never changes its input.

        Whatever is unchanged is the same object as before. What stands under a name such as `password`
        is replaced whole, strings and numbers alike, also inside lists and objects. Any depth is safe;
        a container inside itself becomes "[CYCLE]".
        """
        if not isinstance(value, dict | list | tuple):
            return self._leaf(value, _Place())
        place = _Place()
        done: dict[tuple[int, _Place], Any] = {}
        begun: set[tuple[int, _Place]] = set()
        stack: list[tuple[Any, _Place, list[_Child] | None]] = [(value, place, None)]
        while stack:
            node, at, children = stack.pop()
            mark = (id(node), at)
            if children is not None:
                done[mark] = self._rebuilt(node, children, done)
            elif mark not in begun:
                begun.add(mark)
                children = self._children(node, at)
                stack.append((node, at, children))
                stack += [
                    (c, below, None) for _, _, c, below in children if isinstance(c, dict | list | tuple)
                ]
        return done[(id(value), place)]

    def _rebuilt(self, node: Any, children: list[_Child], done: dict[tuple[int, _Place], Any]) -> Any:
        """`node` with its children redacted; itself when none of them changed."""
        changed = False
        items: list[tuple[Any, Any]] = []
        for name, new_name, child, below in children:
            if isinstance(child, dict | list | tuple):
                new = done.get((id(child), below), _CYCLE)
            else:
                new = self._leaf(child, below)
            changed = changed or new is not child or (new_name is not name and new_name != name)
            items.append((new_name, new))
        if not changed:
            return node
        if isinstance(node, dict):
            return _with_unique_names(items)
        return type(node)(new for _, new in items) if type(node) in {list, tuple} else [n for _, n in items]

    def _children(self, node: Any, at: _Place) -> list[_Child]:
        """The children of a dict, or of a list, which have no names and stand where the list stands."""
        if not isinstance(node, dict):
            return [(None, None, child, at) for child in node]
        children: list[_Child] = []
        for name, child in node.items():
            new_name, below = self._named_place(name) if isinstance(name, str) else (name, _Place())
            if at.secret:
                below = _Place(below.name, at.secret)
            children.append((name, new_name, child, below))
        return children

    def _named_place(self, name: str) -> tuple[str, _Place]:
        """The redacted name of a field, and its place, judged by that: as a second redaction will."""
        known = self._names.get(name)
        if known is None:
            new_name = self.text(name)
            known = (new_name, _Place(new_name, meaning(new_name).secret))
            if len(self._names) < _MAX_NAMES and len(name) <= MAX_NAME:
                self._names[name] = known
        return known

    def _leaf(self, leaf: Any, place: _Place) -> Any:
        """A string or number at its place; anything else as it is."""
        if isinstance(leaf, bool) or not isinstance(leaf, str | int | float):
            return leaf
        text = leaf if isinstance(leaf, str) else _digits(leaf)
        if place.secret:
            new = self._whole(text, place.secret)
        elif place.name and meaning(place.name).personal:
            new = self._named(text, place.name)
        elif isinstance(leaf, str):
            new = self._named(text, place.name) if self._suspicious(text) else text
        elif isinstance(leaf, int) and leaf >= _LONG_NUMBER:
            new = self._named(text, place.name)
        else:
            return leaf
        return leaf if new is text else new

    def _suspicious(self, text: str) -> bool:
        return len(text) >= _SHORTEST and bool(compiled().gate.Match(text.encode("utf-8", "surrogatepass")))

    def _named(self, text: str, name: str) -> str:
        """`text` as the value of a field: the rules see its name, as in `name=text`."""
        return self._without_secrets(text, text.encode("utf-8", "surrogatepass"), name)

    def _whole(self, text: str, kind: str) -> str:
        """All of `text` is a secret; only the scheme of a credential (`Bearer`) stays."""
        data = text.encode("utf-8", "surrogatepass")
        start = without_scheme(data)
        secret = data[start:]
        if not secret.strip() or is_placeholder(secret):
            return text
        # A secret that a rule knows by sight is named as it would be elsewhere.
        known = [s.kind for s in compiled().spans(secret) if (s.start, s.end) == (0, len(secret))]
        kind = min([kind, *known], key=RANK.__getitem__)
        return (data[:start] + self._placeholder(kind, secret)).decode("utf-8", "surrogatepass")

    def _without_secrets(self, text: str, data: bytes, name: str = "") -> str:
        """`text`, whose bytes are `data`, without secrets; a field's name is context and not returned."""
        context = mask(f"{name}=".encode("utf-8", "surrogatepass") if name else b"")
        content = mask(data)
        masked = Masked(context.data + content.data, [*context.held, *content.held])
        offset = len(context.data)
        found = False
        known: dict[tuple[str, bytes], bytes] = {}

        def placeholder(kind: str, secret: bytes) -> bytes:
            held = known.get((kind, secret))
            if held is None:
                held = known[kind, secret] = self._placeholder(kind, secret)
            return held

        for _ in range(_MAX_PASSES):
            data = masked.data
            clipped = [
                Span(max(s.start, offset), s.end, s.kind)
                for s in compiled().spans(data)
                # What begins in the name counts for what of it is in the value, unless that is held already.
                if s.start >= offset or data[offset : s.end].strip(HELD)
            ]
            if not clipped:
                break
            masked = replaced(masked, merged(clipped), placeholder)
            found = True
        return masked.plain(offset).decode("utf-8", "surrogatepass") if found else text

    def _placeholder(self, kind: str, secret: bytes) -> bytes:
        digest = hmac.digest(self._key, canonical(kind, secret), "sha256").hex()
        return f"[{kind}:{digest[:6]}]".encode()


def _digits(number: float) -> str:
    """A number as people write it: `98765.0`, as spreadsheets have it, without its point.

    Python refuses to write out integers of thousands of digits in decimal; in hexadecimal it does.
    """
    if isinstance(number, int):
        return str(number) if abs(number) < _WRITABLE else hex(number)
    return str(int(number)) if number.is_integer() and abs(number) < _WRITABLE else repr(number)


def _with_unique_names(items: list[tuple[Any, Any]]) -> dict[Any, Any]:
    """A dict of them; two names that became one placeholder are told apart, so that no value is lost."""
    result: dict[Any, Any] = {}
    for name, new in items:
        unique, copies = name, 1
        while unique in result:
            copies += 1
            unique = f"{name} ({copies})"
        result[unique] = new
    return result
