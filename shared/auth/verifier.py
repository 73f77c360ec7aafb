"""A token in, an identity out. Whatever is wrong with it, the answer is one of two errors."""

from collections.abc import Callable, Iterable

import msgspec

from shared.auth.bindings import RoleBindings
from shared.auth.claims import check_claims
from shared.auth.issuers import Issuer
from shared.auth.tokens import parse_token
from shared.errors import NotAuthenticated, Unavailable
from shared.policy import Role


class Identity(msgspec.Struct, frozen=True):
    """Who is asking. `subject` is unique within `issuer` only; `email` is there only if it is verified."""

    subject: str
    issuer: str
    roles: frozenset[Role]
    email: str | None = None


class Verifier:
    """Checks tokens of these issuers, for this audience.

    The unverified `iss` chooses the issuer, the issuer the algorithms and the keys; a key verifies one
    algorithm only. `clock` gives seconds since the epoch. Raises ValueError for two issuers of one name.
    """

    def __init__(
        self, issuers: Iterable[Issuer], audience: str, bindings: RoleBindings, clock: Callable[[], float]
    ) -> None:
        self._issuers: dict[str, Issuer] = {}
        for issuer in issuers:
            if issuer.issuer in self._issuers:
                raise ValueError("two issuers of one name: their keys would have two algorithm families")
            self._issuers[issuer.issuer] = issuer
        if not audience:
            raise ValueError("the audience is empty")
        self._audience = audience
        self._bindings = bindings
        self._clock = clock

    def verify(self, token: str) -> Identity:
        """Whose token this is, and their roles (perhaps none: then every role-bound route is a 403).

        Raises: NotAuthenticated, with the `reason` missing_claim, bad_claim, wrong_audience, expired,
        not_yet_valid, unknown_issuer, wrong_algorithm, wrong_type, refused_header, unknown_key,
        bad_signature, email_not_verified, token_too_long, malformed_token or unreadable_token;
        Unavailable when the issuer's keys cannot be had and none are cached.
        """
        try:
            return self._verified(token)
        except (NotAuthenticated, Unavailable):
            raise
        except Exception as exc:
            # A token that breaks a check has not passed it: whatever was raised is a 401, never a 500.
            raise NotAuthenticated("unreadable_token") from exc

    def _verified(self, text: str) -> Identity:
        """Keys last: a token that is refused by its claims costs no fetch and no signature."""
        token = parse_token(text)
        name = token.claims.get("iss")
        issuer = self._issuers.get(name) if type(name) is str else None
        if issuer is None:
            raise NotAuthenticated("missing_claim" if name is None else "unknown_issuer")
        algorithm = token.header["alg"]
        if algorithm not in issuer.algorithms:
            raise NotAuthenticated("wrong_algorithm")
        check_claims(token.claims, audience=self._audience, now=self._clock())
        email, roles = issuer.grants(token.claims, self._bindings)
        key = issuer.key(token.kid)
        if key.algorithm != algorithm:
            raise NotAuthenticated("wrong_algorithm")
        if not key.verifies(token.signed, token.signature):
            raise NotAuthenticated("bad_signature")
        return Identity(token.claims["sub"], issuer.issuer, roles, email)
