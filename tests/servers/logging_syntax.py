"""The grammar of the Cloud Logging query language: text to a tree. What fields mean is not known here.

Precedence is NOT, then OR, then AND; terms side by side are ANDed; keywords are upper case only.
Stricter than the service where it is vague: values and keys with other characters than
letters, digits and `_ . / * + -` must be quoted, and only double quotes quote.

Source: https://cloud.google.com/logging/docs/view/logging-query-language
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

MAX_DEPTH = 100
KEYWORDS = ("AND", "OR", "NOT")


class FilterError(Exception):
    """The service would answer INVALID_ARGUMENT."""


class FilterUnsupported(Exception):
    """The service knows it, this fake does not: UNIMPLEMENTED."""


@dataclass(frozen=True)
class Comparison:
    """`path op value`; `op` is one of = != < <= > >= : =~ !~ and `value` is unescaped."""

    path: tuple[str, ...]
    op: str
    value: str


@dataclass(frozen=True)
class Present:
    """`path:*`: the field is set, whatever to."""

    path: tuple[str, ...]


@dataclass(frozen=True)
class Term:
    """A value without a field: any field contains it."""

    value: str


@dataclass(frozen=True)
class Not:
    """NOT part, or -part."""

    part: "Node"


@dataclass(frozen=True)
class And:
    """All parts; no parts (the empty filter) is true."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True)
class Or:
    """At least one part; there are two or more."""

    parts: "tuple[Node, ...]"


Node = Comparison | Present | Term | Not | And | Or


@dataclass(frozen=True)
class Token:
    """`kind` is op, open, close, minus, quoted, word or end; `glued`: nothing stood before it."""

    kind: str
    text: str
    at: int
    glued: bool


_TOKEN = re.compile(
    r"""(?P<space>(?:\s|--[^\n]*)+)
      | (?P<op><=|>=|!=|=~|!~|[=<>:])
      | (?P<open>\()
      | (?P<close>\))
      | (?P<quoted>"(?:[^"\\]|\\.)*")
      | (?P<minus>-(?=[A-Za-z_"(]))
      | (?P<word>[\w/*+.-]+)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_SIMPLE_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


def tokens(text: str) -> list[Token]:
    """Every token and an end. Raises: FilterError."""
    out: list[Token] = []
    at, glued = 0, False
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise FilterError(f"Unparseable filter: syntax error at column {at + 1}, token {text[at]!r}")
        if match.lastgroup != "space":
            out.append(Token(match.lastgroup or "", match[0], at, glued))
        glued = match.lastgroup != "space"
        at = match.end()
    out.append(Token("end", "", at, False))
    return out


def unescape(quoted: str) -> str:
    """What a quoted string stands for. An unknown escape keeps its backslash, as patterns need it."""

    def replace(match: re.Match[str]) -> str:
        code = match[1]
        if len(code) > 1:
            return chr(int(code[1:], 16))
        return _SIMPLE_ESCAPES.get(code, match[0])

    return _ESCAPE.sub(replace, quoted[1:-1])


def parse_syntax(text: str) -> Node:
    """The tree of a filter; nested at most 100 deep. Raises: FilterError, FilterUnsupported."""
    parser = _Parser(text)
    if parser.next.kind == "end":
        return And(())
    node = parser.conjunction(parser.simple)
    if parser.next.kind != "end":
        raise parser.error()
    return node


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = tokens(text)
        self._at = 0
        self._depth = 0

    @property
    def next(self) -> Token:
        return self._tokens[self._at]

    def error(self) -> FilterError:
        token = self.next
        return FilterError(f"Unparseable filter: syntax error at column {token.at + 1}, token {token.text!r}")

    def take(self) -> Token:
        token = self.next
        self._at += 1
        return token

    def keyword(self, word: str) -> bool:
        """Takes the keyword if it is next."""
        if self.next.kind == "word" and self.next.text == word:
            self._at += 1
            return True
        return False

    def conjunction(self, simple: Callable[[], Node]) -> Node:
        """factor { [AND] factor }, where OR binds tighter."""
        parts = [self.disjunction(simple)]
        while self.next.kind not in ("end", "close"):
            self.keyword("AND")
            parts.append(self.disjunction(simple))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def disjunction(self, simple: Callable[[], Node]) -> Node:
        parts = [self.negation(simple)]
        while self.keyword("OR"):
            parts.append(self.negation(simple))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def negation(self, simple: Callable[[], Node]) -> Node:
        if self.next.kind == "minus":
            self.take()
        elif not self.keyword("NOT"):
            return self.group_or(simple)
        self.deeper()
        node = Not(self.negation(simple))
        self._depth -= 1
        return node

    def group_or(self, simple: Callable[[], Node]) -> Node:
        if self.next.kind != "open":
            return simple()
        self.take()
        self.deeper()
        node = self.conjunction(simple)
        self._depth -= 1
        if self.next.kind != "close":
            raise self.error()
        self.take()
        return node

    def deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise FilterError("Unparseable filter: nested too deeply")

    def value(self) -> Token:
        """A word that is no keyword, or a quoted string."""
        token = self.next
        if token.kind not in ("word", "quoted") or token.text in KEYWORDS:
            raise self.error()
        return self.take()

    def simple(self) -> Node:
        """A comparison or a bare value."""
        first = self.value()
        if first.kind == "quoted":
            if self.next.kind == "op":
                raise self.error()  # a path cannot begin with a quoted key
            return Term(unescape(first.text))
        before = self._at
        path, words = self.path(first)
        if self.next.kind == "op":
            for word in words:
                if re.fullmatch(r"[A-Za-z0-9_]+", word) is None:
                    raise FilterError(f"Unparseable filter: the key {word!r} has to be quoted")
            return self.comparison(path)
        if self.next.kind == "open" and self.next.glued:
            raise FilterUnsupported(f"this fake has no functions: {first.text}(")
        if self._at != before:
            raise self.error()  # a path alone is no restriction
        return Term(first.text)

    def path(self, first: Token) -> tuple[tuple[str, ...], list[str]]:
        """All keys of the path that `first` begins, and those of them that are not quoted."""
        keys: list[str] = []
        words: list[str] = []
        text = first.text
        while True:
            before_quoted = text.endswith(".") and self.next.kind == "quoted" and self.next.glued
            part = (text[:-1] if before_quoted else text).removeprefix("." if keys else "")
            split = part.split(".") if part or not before_quoted else []  # none between two quoted keys
            words += split
            keys += split
            if not before_quoted:
                return tuple(keys), words
            keys.append(unescape(self.take().text))
            if not (self.next.kind == "word" and self.next.glued and self.next.text.startswith(".")):
                return tuple(keys), words
            text = self.take().text

    def comparison(self, path: tuple[str, ...]) -> Node:
        op = self.take().text

        def right() -> Node:
            token = self.value()
            if token.kind == "quoted":
                return Comparison(path, op, unescape(token.text))
            return Present(path) if (op, token.text) == (":", "*") else Comparison(path, op, token.text)

        node = self.group_or(right)
        if self.next.kind == "op":
            raise self.error()
        return node
