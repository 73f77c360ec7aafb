"""What the local gateway answers itself, in the form of the functions' own errors."""

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


_PROBLEMS: Final = (
    InvalidRequest("The request is not valid HTTP."),
    NotAuthenticated("gateway"),
    Forbidden("gateway"),
    NotFound("There is no such path."),
    MethodNotAllowed("The path exists, the method does not."),
    BodyTooLarge(f"The body is over {MAX_BODY_BYTES} bytes."),
    HeadersTooLarge("The request's headers are too large."),
    Unavailable("The function behind this path does not answer.", retry_after_s=1),
    FunctionTooSlow("The function did not answer within the route's deadline."),
)


def _mapper(problem: AggregatorError) -> dict[str, Any]:
    """How an answer of Envoy's own with this status looks."""
    # Of a request that could not be read there are no headers yet.
    unread = isinstance(problem, InvalidRequest | HeadersTooLarge)
    request_id = "connection-%CONNECTION_ID%" if unread else f"%REQ({REQUEST_ID})%"
    headers = {REQUEST_ID: request_id, **_HEADERS, **problem.headers}
    if problem.retry_after_s is not None:
        headers["retry-after"] = str(problem.retry_after_s)
    status = {"value": {"default_value": problem.status, "runtime_key": "none"}, "op": "EQ"}
    return {
        "filter": {"status_code_filter": {"comparison": status}},
        "body_format_override": {
            "json_format": problem.problem(request_id),
            "content_type": "application/problem+json",
        },
        "headers_to_add": [
            {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for key, value in headers.items()
        ],
    }


LOCAL_REPLIES: Final = {"mappers": [_mapper(problem) for problem in _PROBLEMS]}
