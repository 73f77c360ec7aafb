"""Hostile forms: tokens that two parsers read in two ways, or that break the one that reads them."""

import json
import string

from tests.auth.issuer_keys import FAMILIES, IssuerKeys, b64

Table = dict[str, tuple[list[str], str]]
_ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"


def forms(keys: IssuerKeys, now: float) -> Table:
    """Mechanism: hostile tokens, and the twin."""
    return (
        _segments(keys, now) | _base64(keys, now) | _json(keys, now) | _numbers(keys, now) | _sizes(keys, now)
    )


def _segments(keys: IssuerKeys, now: float) -> Table:
    good = keys.token(now)
    header, claims, signature = good.split(".")
    count = [
        header,
        f"{header}.{claims}",
        f"{good}.{signature}",
        f"{good}.",
        f".{good}",
        f"{good}.a.b",
        "a.b.c",
    ]
    empty = [f".{claims}.{signature}", f"{header}..{signature}", f"{header}.{claims}.", "..", "."]
    whole = {"protected": header, "payload": claims, "signature": signature}
    several = {"payload": claims, "signatures": [{"protected": header, "signature": signature}]}
    other = [json.dumps(one, separators=(",", ":")) for one in (whole, several)] + [f"{good},{good}"]
    return {
        "wrong number of segments": (count, good),
        "empty segment": (empty, good),
        "another serialisation": (other, good),
    }


def _base64(keys: IssuerKeys, now: float) -> Table:
    def each(change: str) -> list[str]:
        """Each segment in turn with this at its end."""
        return [".".join([*parts[:at], parts[at] + change, *parts[at + 1 :]]) for at in range(3)]

    good = keys.token(now, "HS256")
    parts = good.split(".")
    inner = [good.replace(".", f".{sign}", 1) for sign in ("%2B", " ", "~", "*", '"', "&", ";", "\\")]
    standard = [good[:-6] + sign + good[-5:] for sign in "+/"]
    return {
        "padding": (each("=") + each("=="), good),
        "left over character": (each("A") + each("AAAAA"), good),
        "character outside the alphabet": (inner + standard + each("!"), good),
        "unused bits set": (_second_spellings(keys, now), good),
    }


def _second_spellings(keys: IssuerKeys, now: float) -> list[str]:
    """Other texts of the same bytes: the last character carries bits that a lax decoder drops."""
    found = []
    for family in FAMILIES:
        for filler in ("", "x", "xx"):
            parts = keys.token(now, family, header={"x": filler}, claims={"x": filler}).split(".")
            for at, part in enumerate(parts):
                if len(part) % 4:
                    last = _ALPHABET[_ALPHABET.index(part[-1]) + 1]
                    found.append(".".join([*parts[:at], part[:-1] + last, *parts[at + 1 :]]))
    return found


def _json(keys: IssuerKeys, now: float) -> Table:
    good = keys.token(now)
    header = json.dumps(keys.header("RS256")).encode()
    claims = json.dumps(keys.claims("RS256", now)).encode()
    texts = (b"x", b"{", b"{}{}", b'{"a":1,}', b"{'a':1}", b"\x00", b"// {}", claims + b"\x00", claims[:-1])
    values = (b"null", b"[]", b'"x"', b"7", b"true", b"[" + claims + b"]")
    again = {"sub": '"root"', "exp": str(int(now) + 9), "iss": '"x"', "aud": '"x"', "roles": '["admin"]'}
    twice = [claims[:-1] + f', "{name}": {value}}}'.encode() for name, value in again.items()]
    twice += [claims[:-1] + b', "\\u0073ub": "root"}', claims[:-1] + b', "a": {"b": [{"c": 1, "c": 2}]}}']
    heads = [header[:-1] + f', "{name}": "{value}"}}'.encode() for name, value in _SAME_HEADERS.items()]
    latin = claims[:-1] + ', "name": "Jörg"}'.encode("latin-1")
    codes = (
        b"\xef\xbb\xbf" + claims,
        claims.decode().encode("utf-16"),
        claims.decode().encode("utf-32"),
        latin,
    )
    broken = [
        claims[:-1] + b', "name": "' + bad + b'"}' for bad in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\n")
    ]
    halves = [
        claims[:-1] + b', "name": "' + bad + b'"}' for bad in (b"\\ud83d", b"\\ude00", b"\\uDE00\\ud83d")
    ]
    utf8 = claims[:-1] + ', "name": "Jörg 📈", "twin": "\\ud83d\\ude00"}'.encode()
    return {
        "claims that are no JSON": ([keys.token(now, claims=one) for one in texts], good),
        "claims that are no object": ([keys.token(now, claims=one) for one in values], good),
        "header that is no JSON": ([keys.token(now, header=one) for one in texts], good),
        "header that is no object": ([keys.token(now, header=one) for one in values], good),
        "claim given twice": (
            [keys.token(now, claims=one) for one in twice],
            keys.token(now, claims={"a": {"sub": 1}, "b": {"sub": 1}}),
        ),
        "header given twice": ([keys.token(now, header=one) for one in heads], good),
        "not UTF-8": (
            [keys.token(now, claims=one) for one in (*codes, *broken)],
            keys.token(now, claims=utf8),
        ),
        "half a surrogate pair": (
            [keys.token(now, claims=one) for one in halves],
            keys.token(now, claims=utf8),
        ),
    }


_SAME_HEADERS = {"alg": "none", "kid": "provider-rsa", "typ": "JWT", "\\u0061lg": "RS256"}


def _numbers(keys: IssuerKeys, now: float) -> Table:
    claims = json.dumps(keys.claims("RS256", now)).encode()

    def having(value: str) -> str:
        return keys.token(now, claims=claims[:-1] + f', "n": {value}}}'.encode())

    times = [
        claims.replace(str(int(now) + 600).encode(), one) for one in (b"NaN", b"Infinity", b"1e999", b"1.8e9")
    ]
    return {
        "NaN or Infinity": (
            [having(one) for one in ("NaN", "Infinity", "-Infinity", "[NaN]", "1e999", "-1e999")],
            having("1e99"),
        ),
        "number of thousands of digits": (
            [having("9" * 4_400), having("-" + "9" * 4_400)],
            having("9" * 300),
        ),
        "exp that is no number": ([keys.token(now, claims=one) for one in times], keys.token(now)),
    }


def _sizes(keys: IssuerKeys, now: float) -> Table:
    def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
        claims = json.dumps(keys.claims("HS256", now))[:-1] + f', "n": {opening * depth}1{closing * depth}}}'
        return keys.token(now, "HS256", claims=claims.encode())

    def long(size_bytes: int) -> str:
        """A token of that size, give or take one byte."""
        bare = keys.token(now, "HS256", claims={"n": ""})
        return keys.token(now, "HS256", claims={"n": "x" * ((size_bytes - len(bare)) * 3 // 4)})

    open_only = [b64(b"[" * 2_000), b64(b'{"a":' * 500), b64(b'{"a":[' * 400), b64(b'["' * 900)]
    bad = [f"{one}.{one}.AAAA" for one in open_only]
    bad += [keys.token(now, "HS256", header=b'{"alg":' + b"[" * 1_000 + b"]" * 1_000 + b"}")]
    objects = nested(500, '{"a":', "}")
    return {
        "nested too deeply": ([*bad, nested(32), nested(1_000), objects], nested(31)),
        "too long": ([long(8_010), long(8_100)], long(7_990)),
        "unsigned text of full length": (
            ["A" * 8_000, "." * 8_000, f"{'A' * 7_000}.e30.AAAA"],
            keys.token(now),
        ),
    }
