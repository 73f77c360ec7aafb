"""Tokens for the local API: `python -m local.tokens --role viewer` prints one.

HS256, issuer `log-aggregator`, signed with LOG_AGGREGATOR_SECRET_KEY or else the secret in
`.local/secret`, which is made when it is missing.
"""

import argparse
import os
import secrets
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from shared.policy import Role

ROLES: Final = tuple(role.value for role in Role)
ISSUER: Final = "log-aggregator"
AUDIENCE: Final = "log-aggregator"
_SETTING: Final = "LOG_AGGREGATOR_SECRET_KEY"
_MIN_BYTES: Final = 32
_MAX_HOURS: Final = 24 * 366


class UnusableSecret(Exception):
    """No token can be signed with the secret that is set; the message names where it comes from."""


class Signer(NamedTuple):
    """Who signs: the key, its algorithm, the issuer, and what the token's header says of the key."""

    key: str
    algorithm: str
    issuer: str
    header: Mapping[str, str]


def secret(local_dir: Path, environ: Mapping[str, str]) -> str:
    """The shared secret: the environment's, else `{local_dir}/secret` (mode 0600), made when missing.

    Raises: UnusableSecret, OSError.
    """
    if found := environ.get(_SETTING):
        if found.startswith("projects/"):
            raise UnusableSecret(
                f"{_SETTING} names a secret of Secret Manager: a local token needs its value"
            )
        return _long_enough(found, _SETTING)
    path = local_dir / "secret"
    if not path.exists():
        _make_secret(path)
    return _long_enough(path.read_text().strip(), str(path))


def _long_enough(found: str, where: str) -> str:
    if len(found.encode()) < _MIN_BYTES:
        raise UnusableSecret(f"{where} has fewer than {_MIN_BYTES} bytes")
    return found


def _make_secret(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".secret.{os.getpid()}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123
            file.write(secrets.token_urlsafe(48) + "\n")
        # A link, not a rename: when two runs start at once, both use the first one's secret.
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)


def signer(local_dir: Path, environ: Mapping[str, str]) -> Signer:
    """The signer of local tokens. Raises: UnusableSecret, OSError."""
    return Signer(secret(local_dir, environ), "HS256", ISSUER, {})


def mint(by: Signer, *, role: str, subject: str, audience: str, now_s: int, hours: float) -> str:
    """One token of one role, valid from `now_s` (epoch) for so many hours."""
    import jwt

    claims: dict[str, Any] = {
        "iss": by.issuer,
        "aud": audience,
        "sub": subject,
        "iat": now_s,
        "exp": now_s + int(hours * 3600),
        "roles": [role],
    }
    return jwt.encode(claims, by.key, algorithm=by.algorithm, headers=dict(by.header) or None)


def audience(environ: Mapping[str, str]) -> str:
    """The audience that the functions of this environment ask for."""
    return environ.get("JWT_AUDIENCE") or AUDIENCE


def main(argv: list[str], environ: Mapping[str, str]) -> int:
    """Prints one token."""
    parser = argparse.ArgumentParser(prog="python -m local.tokens", description=__doc__)
    parser.add_argument("--role", default="viewer", help=", ".join(ROLES))
    parser.add_argument("--sub", help="default: local-ROLE")
    parser.add_argument("--hours", type=float, default=12)
    parser.add_argument("--local", type=Path, default=Path(".local"), help="directory of the secret")
    options = parser.parse_args(argv)
    if options.role not in ROLES:
        parser.error(f"unknown role {options.role!r}: the roles are {', '.join(ROLES)}")
    if not 1 / 3600 <= options.hours <= _MAX_HOURS:
        parser.error(f"--hours must be more than 0 and at most {_MAX_HOURS}")
    try:
        by = signer(options.local, environ)
    except (UnusableSecret, OSError) as exc:
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
