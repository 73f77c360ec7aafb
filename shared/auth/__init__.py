"""Who is asking: from a bearer token to an `Identity`, or a refusal.

    bearer_token   the token out of the two headers that may carry it
    Verifier       a token -> Identity; NotAuthenticated or Unavailable otherwise
    HmacIssuer     iss "log-aggregator", HS256, a shared secret
    JwksIssuer     iss JWT_ISSUER, RS256 or ES256 as its published key says
    GoogleIssuer   iss https://accounts.google.com, RS256, e-mail bound to roles
    check_url      what is wrong with a key set's address
    KeySet         an issuer's published keys, cached
    RoleBindings   ROLE_BINDINGS: e-mail -> roles
    check_secret   what is wrong with LOG_AGGREGATOR_SECRET_KEY

PyJWT and cryptography (78 ms) are imported at the first signature, not with this package.
"""

from shared.auth.bindings import RoleBindings
from shared.auth.issuers import GoogleIssuer, HmacIssuer, Issuer, JwksIssuer
from shared.auth.key_fetch import check_url
from shared.auth.key_set import KeySet
from shared.auth.tokens import MAX_TOKEN_BYTES, bearer_token
from shared.auth.verifier import Identity, Verifier
from shared.secret import check_secret

__all__ = [
    "MAX_TOKEN_BYTES",
    "GoogleIssuer",
    "HmacIssuer",
    "Identity",
    "Issuer",
    "JwksIssuer",
    "KeySet",
    "RoleBindings",
    "Verifier",
    "bearer_token",
    "check_secret",
    "check_url",
]
