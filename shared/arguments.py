"""The parameters of a request, read strictly: what is not understood is refused by name.

Every fault is kept and all are reported at once, so that a caller mends a request in one go.
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NoReturn, Self
from urllib.parse import unquote_to_bytes

from shared.errors import Fault, InvalidRequest

MAX_PARAMETERS: Final = 200


class Arguments:
    """The query string's parameters, in order, each value valid text without control characters."""

    def __init__(self, query_string: str) -> None:
        """Raises: InvalidRequest, naming each parameter that is not clean UTF-8 text."""
        self.faults: list[Fault] = []
        self._values: dict[str, list[str]] = {}
        self._read: set[str] = set()
        pairs = [pair for pair in query_string.split("&") if pair]
        if len(pairs) > MAX_PARAMETERS:
            raise InvalidRequest(f"More than {MAX_PARAMETERS} parameters.")
        for pair in pairs:
            self._add(*pair.partition("=")[::2])
        if self.faults:
            self._refuse()

    @classmethod
    def of(cls, values: Mapping[str, list[str]]) -> Self:
        """The same of names and values that came otherwise than in a query string."""
        args = cls("")
        for name, several in values.items():
            for value in several:
                args._keep(name, value)
        return args

    def _add(self, raw_name: str, raw_value: str) -> None:
        name = _decoded(raw_name)
        if name is None:
            raise InvalidRequest("A parameter's name is not valid UTF-8 or has control characters.")
        self._keep(name, _decoded(raw_value))

    def _keep(self, name: str, value: str | None) -> None:
        if value is None or not _is_clean(value):
            self.fault(name, "is not valid UTF-8 or has control characters")
        else:
            self._values.setdefault(name, []).append(value)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Every name and value, sorted: the same for equal questions, whatever their spelling."""
        return sorted((name, value) for name, values in self._values.items() for value in values)

    def names(self) -> Iterable[str]:
        """The names given."""
        return self._values.keys()

    def fault(self, name: str, detail: str) -> None:
        """Keep a fault; `finish` raises them all."""
        if len(self.faults) < 20:
            self.faults.append(Fault(detail, parameter=name[:100]))

    def many(self, name: str) -> tuple[str, ...]:
        """Every value of a repeatable parameter; an empty value is a fault."""
        self._read.add(name)
        values = self._values.get(name, [])
        if "" in values:
            self.fault(name, "is empty")
        return tuple(dict.fromkeys(values))

    def one(self, name: str, *, empty: bool = False) -> str | None:
        """The value of a parameter that may be given once; `empty` lets `name=` stand for nothing."""
        self._read.add(name)
        values = self._values.get(name, [])
        if len(values) > 1:
            self.fault(name, "may be given once only")
            return None
        if not values or (empty and values == [""]):
            return None
        if values == [""]:
            self.fault(name, "is empty")
            return None
        return values[0]

    def choice(
        self, name: str, choices: Iterable[str], default: str, fold: Callable[[str], str] = str
    ) -> str:
        """One of `choices`, else `default`; `fold` makes spellings equal that mean the same."""
        given = self.one(name)
        if given is None:
            return default
        value, known = fold(given), list(choices)
        if value not in known:
            self.fault(name, f"must be one of {', '.join(known)}")
            return default
        return value

    def count(self, name: str, default: int, most: int) -> int:
        """A whole number from 1; above `most` it is coerced to `most`."""
        value = self.one(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdigit()) or int(value[:20]) < 1:
            self.fault(name, "must be a whole number from 1")
            return default
        return min(int(value[:20]), most)

    def seconds(self, name: str) -> float | None:
        """A positive number of seconds."""
        value = self.one(name)
        if value is None:
            return None
        try:
            seconds = float(value) if value[:1].isdigit() and "_" not in value else 0.0
        except ValueError:
            seconds = 0.0
        if not 0 < seconds < 1e6:
            self.fault(name, "must be a positive number of seconds")
            return None
        return seconds

    def flag(self, name: str) -> bool:
        """`true` or `false`, by default false."""
        return self.choice(name, ("true", "false"), "false") == "true"

    def finish(self) -> None:
        """Refuse what nobody asked for, then raise every fault at once.

        Raises: InvalidRequest.
        """
        for name in self._values:
            if name not in self._read and not any(fault.parameter == name for fault in self.faults):
                self.fault(name, "is not a parameter of this route")
        if self.faults:
            self._refuse()

    def _refuse(self) -> NoReturn:
        named = dict.fromkeys(fault.parameter or "" for fault in self.faults)
        raise InvalidRequest(f"Invalid: {', '.join(named)}.", faults=self.faults)


def _decoded(raw: str) -> str | None:
    """Percent-decoded text; None when it is not UTF-8 or holds a control character."""
    try:
        text = unquote_to_bytes(raw.replace("+", " ")).decode("utf-8")
    except UnicodeError:
        return None
    return text if _is_clean(text) else None


def _is_clean(text: str) -> bool:
    return not any(unicodedata.category(char) in ("Cc", "Cs") for char in text)
