"""What a secret looks like: one table of RE2 patterns, compiled at first use, and the gate before them.

The gate is one RE2 set over all patterns: a line that no pattern can match costs one pass over its bytes.
Patterns are Latin-1 (bytes), so their work does not depend on the text being valid UTF-8; each begins and
ends at an ASCII byte or at a whole run of others, so no character is cut.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any, Final, NamedTuple

from shared.redact import keyed, plausible
from shared.redact.spans import Span

# A secret may follow a percent code (%3D), an escape of JSON (a backslash and n) or an underscore.
_LEFT: Final = rb"(?:\b|_|%[0-9A-Fa-f]{2}|\\[nrt])"
_LEFT_OF_NUMBER: Final = rb"(?:\b|%[0-9A-Fa-f]{2}|\\[nrt])"
_GAP: Final = rb"(?:[ -]|%20|\+)"
_SPACE: Final = rb"(?:[ _+-]|%20)"
# Between a word such as "account" and its number: "no.", quotes, a separator, blanks, some percent-coded.
_TIE: Final = (
    rb"(?:[\s._+-]|%20){0,2}(?:no|num|number|nbr|id|card)?[.#]?(?:\\*[\"']|%22){0,2}\]?(?:\s|%20|\+){0,2}"
    rb"(?::|=>|={1,2}|#|-|is|to|%3a|%3d)?(?:\s|%20|%22|\\*[\"']){0,3}"
)
_PEM_BEGIN: Final = rb"-----BEGIN(?:[ +]|%20)(?:[A-Z0-9]+(?:[ +]|%20))*PRIVATE(?:[ +]|%20)KEY"
_PEM_BODY: Final = re.compile(
    rb"[^-]{0,20}+-----(?:(?:\s|\\+[nr]|[\"',]|%0[AaDd])*+[A-Za-z0-9+/=]{20,}+)*+"
)  # of a block that was cut before its end
_PEM_MAX_BYTES: Final = 16_384
_PROVIDER: Final = (
    _LEFT + rb"(sk-[A-Za-z0-9_-]{20,}|AIza[A-Za-z0-9_-]{35,}|ya29\.[A-Za-z0-9_-]{20,}|1//0[A-Za-z0-9_-]{30,}|"
    rb"GOCSPX-[A-Za-z0-9_-]{20,}|A[KS]IA[A-Z0-9]{16,}|xox[a-z]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|"
    rb"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{20,}|"
    rb"[sr]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{16,}|hf_[A-Za-z0-9]{30,}|"
    rb"gsk_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{30,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,})"
)
_AWS_SECRET: Final = rb"(?:%[0-9A-Fa-f]{2})?((?:[A-Za-z0-9/+]|%2[FfBb]){40,})"
_HOOK: Final = (
    rb"(?:hooks\.slack\.com(?:/|%2F)(?:services|workflows|triggers)|discord(?:app)?\.com/api/webhooks)"
    rb"(?:/|%2F)([A-Za-z0-9_/%-]{8,})"
)
_TELEGRAM: Final = rb"(?:\b|bot|%[0-9A-Fa-f]{2})([0-9]{8,10}(?::|%3A)AA[A-Za-z0-9_-]{30,})"
_QUERY: Final = (
    rb"(?i)(?:[?&]|%3f|%26)(?:x-amz-signature|x-amz-security-token|x-goog-signature|sig|signature|key|auth|sid|code)"
    rb"(?:=|%3d)([^\s&\"'#<>\\\x01;,%]{6,})"
)
_MAIL: Final = (
    rb"(?:%[0-9A-Fa-f]{2}|\\[nrt])?([A-Za-z0-9_+][A-Za-z0-9_+.\x80-\xff-]*(?:@|%40)"
    rb"(?:[A-Za-z0-9][A-Za-z0-9\x80-\xff-]*\.)+[A-Za-z]{2,})"
)
_MAIL_GATE: Final = rb"[A-Za-z0-9_+.\x80-\xff-](?:@|%40)[A-Za-z0-9\x80-\xff.-]*\.[A-Za-z]"
_CARD: Final = (
    _LEFT_OF_NUMBER + rb"([3-6][0-9]{12,18}|2[2-7][0-9]{14}|8[12][0-9]{14}|"
    rb"[2-68][0-9]{3}" + _GAP + rb"[0-9]{4}" + _GAP + rb"[0-9]{4}" + _GAP + rb"[0-9]{1,4}(?:" + _GAP
    + rb"[0-9]{1,3})?|3[0-9]{3}" + _GAP + rb"[0-9]{6}" + _GAP + rb"[0-9]{4,5})\b"
)  # fmt: skip
_MOBILE: Final = rb"[6-9](?:[0-9]{9}|[0-9]{4}G[0-9]{5}|[0-9]{2}G[0-9]{3}G[0-9]{4})".replace(b"G", _GAP)
_CLIENT_ID: Final = rb"(?i)client_?id".replace(b"_", _SPACE)
_DEMAT_WORD: Final = (
    rb"(?i)(?:demat|dp_?id|(?:\b|%20)bo_?id|client_?id|cdsl|nsdl)(?:_(?:account|acct|a/c))?"
).replace(b"_", _SPACE)

Accept = Callable[[bytes, int, int], bool]
Finder = Callable[[bytes], Iterator[Span]]


class Rule(NamedTuple):
    """Group 1 of `pattern` is a secret of this kind where `accept` says so; `gate` is what lets a line in."""

    kind: str
    pattern: bytes
    accept: Accept | None = None
    gate: bytes | None = None


_RULES: Final = (
    Rule("PRIVATE_KEY", rb"(?m)^([A-Za-z0-9+/]{64})\r?$", plausible.is_key_line),
    Rule("JWT", _LEFT + rb"(eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+){1,4})"),
    Rule("API_KEY", _PROVIDER, plausible.is_provider_key),
    Rule("API_KEY", _AWS_SECRET, plausible.is_aws_secret, rb"(?i:aws|secret_?access)|A[KS]IA"),
    Rule("API_KEY", _HOOK),
    Rule("API_KEY", _TELEGRAM),
    Rule("TOKEN", _LEFT + rb"(?i:bearer(?:\s+|%20|\+|[:=]\s?)([a-z0-9._~+/-]{8,}=*))", plausible.is_bearer),
    Rule("TOKEN", _LEFT + rb"(?i:basic(?:\s+|%20|\+)([a-z0-9+/_-]{6,}={0,2}))", plausible.is_basic),
    Rule("TOKEN", _QUERY, plausible.is_query_secret),
    Rule("PASSWORD", rb"://[^\s/?#\"'<>@:\x01]*:([^\s/?#\"'<>\x01]+)@"),
    Rule("PASSWORD", rb"(?i)%3a%2f%2f[a-z0-9._~-]*%3a([a-z0-9._~!$*+-]+)%40"),
    Rule("EMAIL", _MAIL, plausible.is_mail_address, _MAIL_GATE),
    Rule(
        "PHONE",
        rb"((?:\+|%2B|\b00)91" + _GAP + rb"?(?:0|\(0\))?" + _MOBILE + rb")\b",
        plausible.is_whole_number,
    ),
    Rule(
        "PHONE",
        rb"(?i)(?:phone|mobile|\bmob|_mob|whatsapp|msisdn|\btel|contact|\bcell|sms(?: sent)?)" + _TIE
        + rb"((?:(?:\+|%2b|00)?91" + _GAP + rb"?|0)?" + _MOBILE + rb"|(?:\+|%2b)[0-9]{1,3}(?:" + _GAP
        + rb"?[0-9]){8,12})\b",
        plausible.is_whole_number,
    ),
    Rule("PAN", _LEFT_OF_NUMBER + rb"([A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z])\b", plausible.is_no_identifier),
    Rule("PAN", rb"(?i)\bpan" + _TIE + rb"([a-z]{3}[abcfghjlpt][a-z][0-9]{4}[a-z])\b"),
    Rule("CARD", _CARD, plausible.is_card),
    Rule(
        "AADHAAR",
        rb"(?i)aadhaa?r" + _TIE + rb"([2-9][0-9]{3}G?[0-9]{4}G?[0-9]{4})\b".replace(b"G", _GAP),
        plausible.is_aadhaar,
    ),
    Rule("DEMAT", _LEFT_OF_NUMBER + rb"(IN[0-9]{6}[ /-]?[0-9]{8})\b"),
    Rule("DEMAT", _DEMAT_WORD + _TIE + rb"([0-9]{8}" + _GAP + rb"?[0-9]{8})\b"),
    Rule("DEMAT", _CLIENT_ID + _TIE + rb"([0-9]{8})\b", plausible.is_demat_client),
    Rule(
        "ACCOUNT",
        rb"(?i)(?:account|acct|\ba(?:/|%2f)c|\bacc)" + _TIE
        + rb"([0-9]{9,18}|[0-9]{4}(?:" + _GAP + rb"[0-9]{4}){2,3}(?:" + _GAP + rb"[0-9]{1,3})?)\b",
        plausible.is_whole_number,
    ),
)  # fmt: skip


class Compiled(NamedTuple):
    """The rules, ready: `gate.Match(data)` gives the indexes of the finders that may find something."""

    gate: Any
    finders: tuple[Finder, ...]

    def spans(self, data: bytes) -> Iterator[Span]:
        """Every secret that any rule finds in `data`; they may overlap."""
        for index in self.gate.Match(data) or ():
            yield from self.finders[index](data)


def _find(kind: str, pattern: Any, accept: Accept | None, data: bytes) -> Iterator[Span]:
    for match in pattern.finditer(data):
        start, end = match.span(1)
        if accept is None or accept(data, start, end):
            yield Span(start, end, kind)


def _find_key_blocks(pattern: Any, data: bytes) -> Iterator[Span]:
    """PEM private keys: to their end, or, cut short, to the end of what looks like their lines."""
    done = 0
    for match in pattern.finditer(data):
        start, begun = match.span()
        if start < done:
            continue
        limit = min(len(data), begun + _PEM_MAX_BYTES)
        following = data.find(b"-----BEGIN", begun, limit)
        end = data.find(b"-----END", begun, limit if following < 0 else following)
        if end >= 0:
            closing = data.find(b"-----", end + 8, end + 80)
            done = closing + 5 if closing >= 0 else end + 8
        else:
            body = _PEM_BODY.match(data, begun)
            done = body.end() if body else begun
        yield Span(start, done, "PRIVATE_KEY")


@cache
def compiled() -> Compiled:
    """All rules, compiled once in a process (a few milliseconds): RE2 is loaded when it is first needed."""
    import re2

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    gate = re2.Set.SearchSet(options)
    finders: list[Finder] = []
    for rule in _RULES:
        gate.Add(rule.gate or rule.pattern)
        finders.append(partial(_find, rule.kind, re2.compile(rule.pattern, options), rule.accept))
    for pattern, entry in ((keyed.NAMED, keyed.NAMED_GATE), (keyed.FLAG, keyed.FLAG)):
        gate.Add(entry)
        finders.append(partial(keyed.find_named, re2.compile(pattern, options)))
    gate.Add(_PEM_BEGIN)
    finders.append(partial(_find_key_blocks, re2.compile(_PEM_BEGIN, options)))
    gate.Compile()
    return Compiled(gate, tuple(finders))
