"""What the local gateway answers itself, in the form of the functions' own errors."""

from collections.abc import Iterator
from typing import Any, Final

from shared.errors import (
    AggregatorError,
    BodyTooLarge,
    Forbidden,
    HeadersTooLarge,
    InvalidRequest,
    MethodNotAllowed,
    NotAuthenticated,
    NotFound,
    Unavailable,
)

MAX_BODY_BYTES: Final = 1024 * 1024
REQUEST_ID: Final = "x-request-id"
_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class FunctionTooSlow(AggregatorError):
    """The function did not answer within the route's deadline."""

    status = 504
    code = "deadline_exceeded"
    title = "Deadline exceeded"


_NO_HTTP: Final = InvalidRequest("The request is not valid HTTP.")
_NO_PATH: Final = NotFound("There is no such path.")
_NO_ANSWER: Final = Unavailable("The function behind this path does not answer.", retry_after_s=1)
_PROBLEMS: Final = (
    NotAuthenticated("gateway"),
    Forbidden("gateway"),
    _NO_PATH,
    MethodNotAllowed("The path exists, the method does not."),
    BodyTooLarge(f"The body is over {MAX_BODY_BYTES} bytes."),
    _NO_ANSWER,
    FunctionTooSlow("The function did not answer within the route's deadline."),
    AggregatorError(),
)
# What Envoy says before it has a request's headers, and so without the request's id.
_UNREAD: Final = {
    400: _NO_HTTP,
    408: InvalidRequest("The request did not arrive in time."),
    426: InvalidRequest("The request is not of HTTP/1.1."),
    431: HeadersTooLarge("The request's headers are too large."),
    501: InvalidRequest("The request's transfer coding is not served."),
}


def _mapper(
    status: int, problem: AggregatorError, request_id: str, *filters: dict[str, Any]
) -> dict[str, Any]:
    """How an answer of Envoy's own with this status looks, and what the contract calls it."""
    headers = {REQUEST_ID: request_id, **_HEADERS, **problem.headers}
    if problem.retry_after_s is not None:
        headers["retry-after"] = str(problem.retry_after_s)
    value = {"default_value": status, "runtime_key": "none"}
    seen = {"status_code_filter": {"comparison": {"value": value, "op": "EQ"}}}
    return {
        "filter": {"and_filter": {"filters": [seen, *filters]}} if filters else seen,
        "status_code": problem.status,
        "body_format_override": {
            "json_format": problem.problem(request_id),
            "content_type": "application/problem+json",
        },
        "headers_to_add": [
            {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for key, value in headers.items()
        ],
    }


def _mappers() -> Iterator[dict[str, Any]]:
    """The first that fits counts."""
    whole, unread = f"%REQ({REQUEST_ID})%", "connection-%CONNECTION_ID%"
    for status, problem in _UNREAD.items():
        yield _mapper(status, problem, unread)
    # `OPTIONS *` is refused before the request's id is checked, an upgrade before anybody asks for a token.
    all_of_it = {"header_filter": {"header": {"name": ":path", "string_match": {"exact": "*"}}}}
    upgrade = {"header_filter": {"header": {"name": "upgrade", "present_match": True}}}
    yield _mapper(_NO_PATH.status, _NO_PATH, unread, all_of_it)
    yield _mapper(Forbidden.status, InvalidRequest("HTTP/1.1 is all that is spoken here."), whole, upgrade)
    for problem in _PROBLEMS:
        yield _mapper(problem.status, problem, whole)
    yield _mapper(502, _NO_ANSWER, whole)


LOCAL_REPLIES: Final = {"mappers": list(_mappers())}
