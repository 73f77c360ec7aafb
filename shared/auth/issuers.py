"""The three kinds of issuer. The `iss` of a token chooses one, and that pins key and algorithm."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from shared.auth.bindings import SERVICE_ACCOUNT, USER, RoleBindings
from shared.auth.claims import claimed_roles, verified_email
from shared.auth.key_set import KeySet
from shared.auth.keys import Key
from shared.errors import NotAuthenticated
from shared.policy import Role
from shared.secret import MIN_SECRET_BYTES

GOOGLE = "https://accounts.google.com"
OURSELVES = "log-aggregator"


@dataclass(frozen=True, slots=True)
class HmacIssuer:
    """Ourselves: HS256 with LOG_AGGREGATOR_SECRET_KEY, for local use and direct calls.

    Raises: ValueError for a secret of fewer than 32 bytes. `check_secret` also knows placeholders.
    """

    secret: bytes = field(repr=False)
    issuer: ClassVar[str] = OURSELVES
    algorithms: ClassVar[frozenset[str]] = frozenset({"HS256"})

    def __post_init__(self) -> None:
        if len(self.secret) < MIN_SECRET_BYTES:
            raise ValueError(f"the secret has fewer than {MIN_SECRET_BYTES} bytes")

    def key(self, kid: str | None) -> Key:  # noqa: ARG002 - there is one key, whatever the token calls it
        """The secret."""
        return Key("HS256", self.secret)

    def grants(self, claims: dict[str, Any], bindings: RoleBindings) -> tuple[str | None, frozenset[Role]]:
        """E-mail and roles: claimed, and bound to the e-mail if it is verified."""
        return _claimed_and_bound(claims, bindings)


@dataclass(frozen=True, slots=True)
class JwksIssuer:
    """An identity provider, JWT_ISSUER with the keys of JWT_JWKS_URL.

    An RSA key verifies RS256 only and a P-256 key ES256 only, so each key has one algorithm.
    """

    issuer: str
    keys: KeySet
    algorithms: ClassVar[frozenset[str]] = frozenset({"RS256", "ES256"})

    def key(self, kid: str | None) -> Key:
        """The published key. Raises: NotAuthenticated, Unavailable."""
        return self.keys.key(kid)

    def grants(self, claims: dict[str, Any], bindings: RoleBindings) -> tuple[str | None, frozenset[Role]]:
        """E-mail and roles: claimed, and bound to the e-mail if it is verified."""
        return _claimed_and_bound(claims, bindings)


@dataclass(frozen=True, slots=True)
class GoogleIssuer:
    """Google's ID tokens, RS256.

    Anyone can have Google sign a token for any audience, so the token says only who somebody is; what they
    may do comes from ROLE_BINDINGS alone. Whoever is bound to nothing is authenticated without roles: that
    is 403 ("authenticated but not allowed"), not 401. An e-mail that Google has not verified is 401.
    """

    keys: KeySet
    issuer: ClassVar[str] = GOOGLE
    algorithms: ClassVar[frozenset[str]] = frozenset({"RS256"})

    def key(self, kid: str | None) -> Key:
        """Google's key. Raises: NotAuthenticated, Unavailable."""
        return self.keys.key(kid)

    def grants(self, claims: dict[str, Any], bindings: RoleBindings) -> tuple[str | None, frozenset[Role]]:
        """E-mail and the roles bound to it. Raises: NotAuthenticated (email_not_verified)."""
        email = verified_email(claims)
        if email is None:
            raise NotAuthenticated("email_not_verified")
        return email, bindings.roles(email, USER, SERVICE_ACCOUNT)


Issuer = HmacIssuer | JwksIssuer | GoogleIssuer


def _claimed_and_bound(claims: dict[str, Any], bindings: RoleBindings) -> tuple[str | None, frozenset[Role]]:
    email = verified_email(claims)
    return email, claimed_roles(claims) | bindings.roles(email, USER)
