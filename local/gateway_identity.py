"""Identity at the local gateway, as the managed one does it, weaknesses included.

A token is let through by signature, issuer and audience; whether it has an `exp`, a `sub` or an `iat` is left
to the functions. Then the caller's `Authorization` moves to `X-Forwarded-Authorization` and the gateway's own
takes its place, whose signature Cloud Run takes away. An `X-Forwarded-Authorization` that the caller sent is
only overwritten when there is an `Authorization` to move.
"""

import base64
import json
from typing import Any, Final

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


def authentication_filter(document: dict[str, Any], jwks: str) -> dict[str, Any]:
    """Envoy's JWT filter, with a provider for each security scheme of the document."""
    schemes = document["components"]["securitySchemes"]
    return {
        "name": "authentication",
        "typed_config": {
            "@type": f"{_TYPE}.jwt_authn.v3.JwtAuthentication",
            "providers": {name: _provider(scheme["x-google-auth"], jwks) for name, scheme in schemes.items()},
            "requirement_map": {name: {"provider_name": name} for name in schemes},
        },
    }


def requires(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any] | None:
    """What the JWT filter asks of one operation's callers; None when it lets everyone through.

    Raises: ValueError for anything but one scheme: more than this service needs.
    """
    security = operation.get("security", document["security"])
    if not security:
        return None
    if len(security) != 1 or len(security[0]) != 1:
        raise ValueError("an operation with more than one security scheme")
    (name,) = security[0]
    return {"@type": f"{_TYPE}.jwt_authn.v3.PerRouteConfig", "requirement_name": name}


def swap_filter(audience: str) -> dict[str, Any]:
    """The headers as a function behind the managed gateway gets them."""
    code = _SWAP % _gateway_token(audience)
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


def _gateway_token(audience: str) -> str:
    """What the gateway says of itself, in the form in which Cloud Run hands it on."""
    header = {"alg": "RS256", "kid": "local", "typ": "JWT"}
    claims = {
        "iss": "https://accounts.google.com",
        "aud": audience,
        "sub": "local-gateway",
        "email": "gateway@local.invalid",
        "email_verified": True,
    }
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    return ".".join(part.decode() for part in parts) + ".SIGNATURE_REMOVED_BY_GOOGLE"
