"""Tokens that must be refused, by the mechanism they try, each beside a nearly equal one that is accepted.

    keys = IssuerKeys()                      one per session
    hostile(keys, now)                       [HostileToken(mechanism, token)]
    twins(keys, now)                         {mechanism: token}

All tokens are printable ASCII without spaces at their ends, so that they can travel in a header. A verifier
that judges them has the issuers of `IssuerKeys` (the provider with `keys.jwks()`), the audience AUDIENCE and
the bindings ROLE_BINDINGS.
"""

from typing import NamedTuple

from tests.auth.hostile_claims import claim_changes
from tests.auth.hostile_forms import forms
from tests.auth.hostile_headers import header_changes
from tests.auth.hostile_signatures import signatures
from tests.auth.issuer_keys import IssuerKeys


class HostileToken(NamedTuple):
    """A token, and what it tries."""

    mechanism: str
    token: str


def hostile(keys: IssuerKeys, now: float) -> list[HostileToken]:
    """Every hostile token, for a verifier whose clock shows about `now`."""
    return [HostileToken(name, token) for name, (bad, _) in _corpus(keys, now).items() for token in bad]


def twins(keys: IssuerKeys, now: float) -> dict[str, str]:
    """For each mechanism a token that differs in that one thing and is accepted."""
    return {name: good for name, (_, good) in _corpus(keys, now).items()}


def _corpus(keys: IssuerKeys, now: float) -> dict[str, tuple[list[str], str]]:
    """Mechanism: its hostile tokens, and the twin."""
    tables: dict[str, tuple[list[str], str]] = {}
    for table in (forms(keys, now), signatures(keys, now)):
        tables |= table
    for name, change in header_changes().items():
        bad = [keys.token(now, family, header=one) for family in change.families for one in change.hostile]
        tables[name] = (bad, keys.token(now, change.families[0], header=change.twin))
    for name, change in claim_changes(int(now)).items():
        bad = [keys.token(now, family, claims=one) for family in change.families for one in change.hostile]
        tables[name] = (bad, keys.token(now, change.families[0], claims=change.twin))
    return tables
