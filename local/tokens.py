"""Tokens for the local API: `python -m local.tokens --role viewer` prints one.

RS256, of the local issuer, signed with the key in `.local/key.pem`, which is made when it is missing.
"""

import argparse
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from local.keys import KeyPair, UnusableKey, key_pair
from shared.policy import Role

ROLES: Final = tuple(role.value for role in Role)
ISSUER: Final = "https://local.log-aggregator.invalid"
AUDIENCE: Final = "log-aggregator"
_MAX_HOURS: Final = 24 * 366


def mint(by: KeyPair, *, role: str, subject: str, audience: str, now_s: int, hours: float) -> str:
    """One token of one role, valid from `now_s` (epoch) for so many hours."""
    import jwt

    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": audience,
        "sub": subject,
        "iat": now_s,
        "exp": now_s + int(hours * 3600),
        "roles": [role],
    }
    return jwt.encode(claims, by.private, algorithm="RS256", headers={"kid": by.kid})


def audience(environ: Mapping[str, str]) -> str:
    """The audience that the functions of this environment ask for."""
    return environ.get("JWT_AUDIENCE") or AUDIENCE


def foreign_issuer(environ: Mapping[str, str]) -> str:
    """The issuer that is believed instead of the local one; empty when there is none."""
    issuer = environ.get("JWT_ISSUER", "")
    return issuer if issuer != ISSUER else ""


def main(argv: list[str], environ: Mapping[str, str]) -> int:
    """Prints one token."""
    parser = argparse.ArgumentParser(prog="python -m local.tokens", description=__doc__)
    parser.add_argument("--role", default="viewer", help=", ".join(ROLES))
    parser.add_argument("--sub", help="default: local-ROLE")
    parser.add_argument("--hours", type=float, default=12)
    parser.add_argument("--local", type=Path, default=Path(".local"), help="directory of the key")
    options = parser.parse_args(argv)
    if options.role not in ROLES:
        parser.error(f"unknown role {options.role!r}: the roles are {', '.join(ROLES)}")
    if not 1 / 3600 <= options.hours <= _MAX_HOURS:
        parser.error(f"--hours must be more than 0 and at most {_MAX_HOURS}")
    if issuer := foreign_issuer(environ):
        parser.error(f"JWT_ISSUER is set: tokens come from {issuer}, not from here")
    try:
        by = key_pair(options.local)
    except (UnusableKey, OSError) as exc:
        parser.error(str(exc))
    print(
        mint(
            by,
            role=options.role,
            subject=options.sub or f"local-{options.role}",
            audience=audience(environ),
            now_s=int(time.time()),
            hours=options.hours,
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
