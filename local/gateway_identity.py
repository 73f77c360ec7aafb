"""Identity at the local gateway, as the managed one does it, weaknesses included.

A token is let through by signature, issuer and audience; whether it has an `exp`, a `sub` or an `iat` is left
to the functions. Then the caller's `Authorization` moves to `X-Forwarded-Authorization` and the gateway's own
takes its place, whose signature Cloud Run takes away. An `X-Forwarded-Authorization` that the caller sent is
only overwritten when there is an `Authorization` to move.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from shared import openapi

_TYPE: Final = "type.googleapis.com/envoy.extensions.filters.http"
_USERINFO: Final = "x-apigateway-api-userinfo"
_SWAP: Final = """
function envoy_on_request(handle)
  local headers = handle:headers()
  local own = headers:get("authorization")
  if own ~= nil then
    headers:replace("x-forwarded-authorization", own)
  end
  headers:replace("authorization", "Bearer %s")
end
"""


def authentication_filter(document: dict[str, Any], key_sets: Mapping[str, str]) -> dict[str, Any]:
    """Envoy's JWT filter, with a provider for each security scheme of the document that has keys here.

    A requirement is any of the schemes of an operation's `security`, by their names.
    """
    schemes = document["components"]["securitySchemes"]
    operations = [operation for _, _, operation in openapi.operations(document)]
    asked = {names for one in operations if (names := _schemes_of(document, one))}
    return {
        "name": "authentication",
        "typed_config": {
            "@type": f"{_TYPE}.jwt_authn.v3.JwtAuthentication",
            "providers": {
                name: _provider(schemes[name]["x-google-auth"], key_sets[name]) for name in key_sets
            },
            "requirement_map": {
                _named(names): _any_of([n for n in names if n in key_sets]) for names in asked
            },
        },
    }


def requires(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any] | None:
    """What the JWT filter asks of one operation's callers; None when it lets everyone through."""
    names = _schemes_of(document, operation)
    if not names:
        return None
    return {"@type": f"{_TYPE}.jwt_authn.v3.PerRouteConfig", "requirement_name": _named(names)}


def _schemes_of(document: dict[str, Any], operation: dict[str, Any]) -> tuple[str, ...]:
    """The schemes of which a caller needs one. Raises: ValueError for what the managed gateway cannot do."""
    security = operation.get("security", document["security"])
    if any(len(one) != 1 for one in security):
        raise ValueError("an operation that wants two tokens at once, or perhaps none")
    return tuple(name for one in security for name in one)


def _named(schemes: tuple[str, ...]) -> str:
    return " or ".join(schemes)


def _any_of(names: list[str]) -> dict[str, Any]:
    if len(names) == 1:
        return {"provider_name": names[0]}
    return {"requires_any": {"requirements": [{"provider_name": name} for name in names]}}


def swap_filter() -> dict[str, Any]:
    """The headers as a function behind the managed gateway gets them."""
    code = _SWAP % _gateway_token()
    lua = {"@type": f"{_TYPE}.lua.v3.Lua", "default_source_code": {"inline_string": code}}
    return {"name": "swap", "typed_config": lua}


def _provider(auth: dict[str, Any], jwks: str) -> dict[str, Any]:
    return {
        "issuer": auth["issuer"],
        "audiences": auth["audiences"],
        "local_jwks": {"inline_string": jwks},
        "from_headers": [
            {"name": place["header"], "value_prefix": place["valuePrefix"]} for place in auth["jwtLocations"]
        ],
        "forward": True,
        "forward_payload_header": _USERINFO,
    }


def _gateway_token() -> str:
    """What the gateway says of itself, in the form in which Cloud Run hands it on."""
    header = {"alg": "RS256", "kid": "local", "typ": "JWT"}
    claims = {
        "iss": "https://accounts.google.com",
        "aud": "https://function.local.invalid",
        "sub": "local-gateway",
        "email": "gateway@local.invalid",
        "email_verified": True,
    }
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    return ".".join(part.decode() for part in parts) + ".SIGNATURE_REMOVED_BY_GOOGLE"
