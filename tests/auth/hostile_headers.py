"""Hostile headers under an honest signature, and their honest twins."""

from typing import Any

from tests.auth.hostile_claims import ALL, Change
from tests.auth.issuer_keys import DROP

_URL = "https://evil.example.com/keys.json"
_JWK = {"kty": "oct", "k": "AAAA"}


def header_changes() -> dict[str, Change]:
    """Mechanism: what it changes in the header. The algorithm and the key keep being the honest ones."""
    return _algorithm() | _brought_keys() | _kid() | _type()


def _algorithm() -> dict[str, Change]:
    spelled: tuple[Any, ...] = ("rs256", "RS256 ", "RSA", "es256", "hs256", "SHA256", "", "RS256\u0000")
    typed: tuple[Any, ...] = (None, True, 256, ["RS256"], {"RS256": 1})
    return {
        "algorithm missing": Change([{"alg": DROP}], {}),
        "algorithm misspelled": Change([{"alg": one} for one in spelled], {"alg": "RS256"}),
        "algorithm of a wrong type": Change([{"alg": one} for one in typed], {"alg": "RS256"}),
        "algorithm none, signed": Change([{"alg": one} for one in ("none", "None", "NONE", "nOnE")], {}),
    }


def _brought_keys() -> dict[str, Change]:
    return {
        "critical extension": Change(
            [{"crit": ["exp"], "exp": 1}, {"crit": ["x"], "x": 1}, {"crit": []}, {"crit": None}], {"x": 1}
        ),
        "unencoded payload": Change(
            [{"b64": False}, {"b64": True}, {"b64": False, "crit": ["b64"]}], {"B64": False}
        ),
        "key set by address (jku)": Change([{"jku": _URL}, {"jku": ""}, {"jku": None}], {"JKU": _URL}),
        "certificate by address (x5u)": Change([{"x5u": _URL}, {"x5u": "file:///dev/zero"}], {"x5t": "AAAA"}),
        "key in the header (jwk)": Change([{"jwk": _JWK}, {"jwk": {}}, {"jwk": None}], {"cty": "JWT"}),
        "certificate in the header (x5c)": Change([{"x5c": ["AAAA"]}, {"x5c": []}], {"x5t#S256": "AAAA"}),
        "compressed or encrypted": Change([{"zip": "DEF"}, {"enc": "A128GCM"}], {}),
    }


def _kid() -> dict[str, Change]:
    keyed = ("RS256",)
    files = ("../../../../dev/null", "/proc/self/environ", "file:///etc/passwd", _URL)
    queries = ("' OR 1=1 --", "x' UNION SELECT 'k", "|ls", "${jndi:x}", "provider-rsa\u0000", "PROVIDER-RSA")
    wrong: tuple[Any, ...] = (None, True, 0, ["provider-rsa"], {"provider-rsa": 1}, "", "k" * 257)
    return {
        "key id unknown": Change([{"kid": "gone"}, {"kid": "google-1"}], {"kid": "provider-rsa"}, keyed),
        "key id that is a path": Change([{"kid": one} for one in files], {}, keyed),
        "key id that is a query": Change([{"kid": one} for one in queries], {}, keyed),
        "key id of a wrong type": Change([{"kid": one} for one in wrong], {}, ALL),
        "key id missing among many": Change([{"kid": DROP}], {}, ("RS256", "ES256")),
        "key of another algorithm": Change(
            [{"kid": "provider-ec"}, {"kid": "provider-ec", "alg": "ES256"}, {"alg": "ES256"}], {}, keyed
        ),
    }


def _type() -> dict[str, Change]:
    kinds = ("JOSE", "logout+jwt", "dpop+jwt", "secevent+jwt", "JWE", "", None, 7, ["JWT"])
    return {"type of another token": Change([{"typ": one} for one in kinds], {"typ": "application/AT+jwt"})}
