"""Tokens into fixed and variable parts: the first, exact half of template mining.

A message is split at white space and each token is looked at by itself, so what is made of a token
never depends on its neighbours (but for quoted phrases, which are one token) and can be remembered.
A token is variable when it has a digit (numbers, ids, times, UUIDs, addresses, contracts such as
NIFTY24500CE), is quoted, is a path of several parts, a URL, hex digits, or a well-known NSE symbol; of
`key=value` and `key:17` only the value is. Punctuation around it stays: `(id=7),` is `(id=<*>),`.
"""

import re
from typing import Final, NamedTuple

PLACEHOLDER: Final = "<*>"
MAX_TOKENS: Final = 100
MAX_TOKEN_CHARS: Final = 100
CUT_MARK: Final = "…"
_REMEMBERED_TOKENS: Final = 20_000
# Stands for a space within a quoted phrase; no message has it, for `plain` takes control characters out.
_JOINT: Final = "\x01"

_PUNCTUATION: Final = "()[]{},;:!?|"
_QUOTED: Final = re.compile(r"""(?<![^\s(\[{=:,])(?:"[^"]{0,400}"|'[^']{0,400}'|`[^`]{0,400}`)(?!\w)""")
_SPACES: Final = re.compile(r"\s+")
_DIGIT: Final = re.compile(r"\d")
_KEY_VALUE: Final = re.compile(r"([A-Za-z_][A-Za-z_.\-]{0,40}=)([^=].*)", re.DOTALL)
_KEY_NUMBER: Final = re.compile(r"([A-Za-z_][A-Za-z_.\-]{0,40}:)((?!//).+)", re.DOTALL)
_NUMBER: Final = re.compile(
    r"(?:[+\-−][₹$€]?|[₹$€][+\-−]?)?(?:\d{1,3}(?:,\d{2,3})+|\d{1,15})(?:\.\d{1,9})?%?", re.ASCII
)
_NO_FIGURES: Final = str.maketrans({"₹": "", "$": "", "€": "", ",": "", "%": "", "−": "-"})
_WORDLIKE_VALUE: Final = re.compile(
    r"[a-f]{8,}|[A-F]{8,}|[A-Z_]{2,40}:[0-9a-f]{6}|[^\s@]+@[^\s@]+\.[^\s@]+|[A-Za-z]+://.*|.*\\.*\\.*",
    re.DOTALL,
)
# Indices and the shares traded most, for those are what bots name. It need not be complete: symbols that
# are not here become slots when lines are clustered.
_SYMBOL_NAMES: Final = """
    NIFTY BANKNIFTY FINNIFTY MIDCPNIFTY SENSEX BANKEX INDIAVIX ADANIENT ADANIPORTS APOLLOHOSP ASIANPAINT
    AXISBANK BAJAJ-AUTO BAJAJFINSV BAJFINANCE BEL BHARTIARTL BPCL BRITANNIA CIPLA COALINDIA DIVISLAB DRREDDY
    EICHERMOT ETERNAL GRASIM HCLTECH HDFCBANK HDFCLIFE HEROMOTOCO HINDALCO HINDUNILVR ICICIBANK INDUSINDBK
    INFY ITC JIOFIN JSWSTEEL KOTAKBANK LT LTIM M&M MARUTI NESTLEIND NTPC ONGC POWERGRID RELIANCE SBILIFE SBIN
    SHRIRAMFIN SUNPHARMA TATACONSUM TATAMOTORS TATASTEEL TCS TECHM TITAN TRENT ULTRACEMCO WIPRO ABB
    ADANIENSOL ADANIGREEN ADANIPOWER AMBUJACEM BAJAJHLDNG BANKBARODA BOSCHLTD CANBK CGPOWER CHOLAFIN DABUR DLF
    DMART GAIL GODREJCP HAL HAVELLS HYUNDAI ICICIGI ICICIPRULI INDHOTEL INDIGO IOC IRFC JINDALSTEL JSWENERGY
    LICI LODHA MOTHERSON NAUKRI PFC PIDILITIND PNB RECLTD SHREECEM SIEMENS SWIGGY TATAPOWER TORNTPHARM
    TVSMOTOR UNITDSPR VBL VEDL YESBANK ZOMATO ZYDUSLIFE USDINR CRUDEOIL NATURALGAS"""
_SYMBOLS: Final = frozenset(_SYMBOL_NAMES.split())
_EXCHANGE: Final = re.compile(r"(?:NSE|BSE|NFO|MCX|CDS):(.+)|(.+?)(?:\.NS|\.BO|-EQ|-BE|FUT)", re.DOTALL)


class Masked(NamedTuple):
    """A token as templates show it; `value` is None when it is fixed, `number` when it is no number."""

    token: str
    value: str | None
    number: float | None


class _Remembered(dict[str, Masked]):
    """What was made of the tokens seen lately; emptied when full, so it only ever saves time."""

    def __missing__(self, token: str) -> Masked:
        if len(self) >= _REMEMBERED_TOKENS:
            self.clear()
        made = self[token] = _mask(token)
        return made


_remembered: Final = _Remembered()


def skeleton(text: str) -> tuple[str, list[Masked]]:
    """A line as its masked tokens with single spaces, and those of them that are variable, in order.

    `text` must be one line as `plain` makes it. Beyond `MAX_TOKENS` tokens it is cut, marked by `…`.
    """
    if '"' in text or "'" in text or "`" in text:
        text = _QUOTED.sub(_joined, text)
    tokens = text.split()
    if len(tokens) > MAX_TOKENS:
        tokens[MAX_TOKENS:] = [CUT_MARK]
    made = [_remembered[token] for token in tokens]
    return " ".join([one[0] for one in made]), [one for one in made if one[1] is not None]


def is_slot(token: str) -> bool:
    """Whether a masked token is `<*>` and nothing but punctuation around it."""
    return PLACEHOLDER in token and token.strip(_PUNCTUATION) == PLACEHOLDER


def widened(one: str, two: str) -> str:
    """The slot for two different tokens, with the punctuation around it that both have."""
    heads = [token[: len(token) - len(token.lstrip(_PUNCTUATION))] for token in (one, two)]
    tails = [token[len(token.rstrip(_PUNCTUATION)) :] for token in (one, two)]
    if heads[0] == one or heads[1] == two:
        return PLACEHOLDER  # nothing but punctuation
    head = heads[0] if heads[0] == heads[1] else ""
    return f"{head}{PLACEHOLDER}{tails[0] if tails[0] == tails[1] else ''}"


def bare(token: str) -> str:
    """A fixed token without its punctuation: what stands in a slot that `widened` made."""
    return token.strip(_PUNCTUATION) or token


def is_symbol_shaped(token: str) -> bool:
    """Whether a word may be a symbol that nobody listed: three or more capitals and nothing else."""
    word = bare(token)
    return len(word) >= 3 and word.isupper() and word.replace("&", "").replace("-", "").isalpha()


def _joined(match: re.Match[str]) -> str:
    return _SPACES.sub(_JOINT, match[0])


def _mask(token: str) -> Masked:
    if PLACEHOLDER in token:
        # A template's own text: it stays, unless it would carry digits along.
        return Masked(PLACEHOLDER if _DIGIT.search(token) or _JOINT in token else token, "", None)
    if len(token) > MAX_TOKEN_CHARS:
        return Masked(PLACEHOLDER, _shown(token), None)
    core = token.strip(_PUNCTUATION).rstrip(".")
    if not core:
        return Masked(token, None, None)
    begin = token.index(core)
    head, tail = token[:begin], token[begin + len(core) :]
    if (match := _KEY_VALUE.fullmatch(core)) or (
        _DIGIT.search(core) and (match := _KEY_NUMBER.fullmatch(core))
    ):
        # The value may be in brackets of its own, and `[API_KEY:3f9a1c]` a key and a value once more.
        value = match[2].lstrip(_PUNCTUATION) or match[2]
        head, core = head + match[1] + match[2][: len(match[2]) - len(value)], value
        if inner := _KEY_NUMBER.fullmatch(core):
            head, core = head + inner[1], inner[2]
    elif not _is_variable(core, tail):
        return Masked(token, None, None)
    return Masked(f"{head}{PLACEHOLDER}{tail}", _shown(core), _number(core))


def _is_variable(core: str, tail: str) -> bool:
    if _DIGIT.search(core) or _JOINT in core:
        return True
    if core[0] in "\"'`" and core[-1] == core[0] and len(core) > 1:
        # `"name":` is a key of JSON, which tells records apart.
        return not tail.startswith(":")
    if core in _SYMBOLS or _WORDLIKE_VALUE.fullmatch(core):
        return True
    if core.count("/") > (2 if core[0] in "/.~" else 1):
        return True
    match = _EXCHANGE.fullmatch(core)
    return match is not None and (match[1] or match[2]) in _SYMBOLS


def _shown(value: str) -> str:
    value = value.replace(_JOINT, " ")
    return value[1:-1] if len(value) > 1 and value[0] in "\"'`" and value[-1] == value[0] else value


def _number(core: str) -> float | None:
    return float(core.translate(_NO_FIGURES)) if _NUMBER.fullmatch(core) else None
