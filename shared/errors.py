"""Every error a caller can meet, in one tree.

    AggregatorError                     500 internal_error
    ├── InvalidRequest                  400 invalid_request      names each bad parameter
    │   └── InvalidPageToken            400 invalid_page_token
    ├── NotAuthenticated                401 not_authenticated
    ├── Forbidden                       403 forbidden            same body whether or not the thing exists
    ├── NotFound                        404 not_found
    ├── MethodNotAllowed                405 method_not_allowed
    ├── Conflict                        409 in_progress
    ├── BodyTooLarge                    413 body_too_large
    ├── UnsupportedMediaType            415 unsupported_media_type
    ├── KeyReused                       422 idempotency_key_reused
    ├── RateLimited                     429 rate_limited
    ├── HeadersTooLarge                 431 headers_too_large
    ├── SourceError                     502 source_failed
    │   ├── SourceMisconfigured         502 source_misconfigured names the setting to check
    │   └── SourceTimeout               504 source_timeout
    └── Unavailable                     503 unavailable          with Retry-After

`code` is stable, callers match on it; the sentences may change. A cause (`raise … from exc`) stays
inside: it is logged, never answered. `ConfigError` is not an answer: it stops a process at its start.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing wrong with a request: the parameter (or JSON pointer into the body) and what to do."""

    detail: str
    parameter: str | None = None
    pointer: str | None = None


class AggregatorError(Exception):
    """Something went wrong inside. The caller learns the request id, and no more."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Internal error"

    def __init__(
        self,
        detail: str = "",
        *,
        faults: Sequence[Fault] = (),
        retry_after_s: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.faults = tuple(faults)
        self.retry_after_s = retry_after_s
        self.headers = dict(headers or {})

    def problem(self, request_id: str) -> dict[str, Any]:
        """The RFC 9457 body of this error."""
        body: dict[str, Any] = {
            "type": f"urn:log-aggregator:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
        }
        if self.faults:
            body["errors"] = [msgspec.to_builtins(fault) for fault in self.faults]
        return body


class InvalidRequest(AggregatorError):
    """The request cannot be answered as it stands; `faults` name every reason."""

    status = 400
    code = "invalid_request"
    title = "Invalid request"

    @classmethod
    def of(cls, parameter: str, detail: str) -> "InvalidRequest":
        """The common case: one parameter, one reason."""
        return cls(f"{parameter}: {detail}", faults=[Fault(detail, parameter=parameter)])


class InvalidPageToken(InvalidRequest):
    """The page token was not made by this service, or belongs to another question."""

    code = "invalid_page_token"
    title = "Invalid page token"


class NotAuthenticated(AggregatorError):
    """No valid token. `reason` is for the audit line and the metrics, never for the caller."""

    status = 401
    code = "not_authenticated"
    title = "Not authenticated"

    def __init__(self, reason: str, detail: str = "A valid bearer token is required.") -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})
        self.reason = reason


class Forbidden(AggregatorError):
    """Authenticated, but not allowed."""

    status = 403
    code = "forbidden"
    title = "Forbidden"

    def __init__(self, reason: str = "role") -> None:
        super().__init__("Your role does not allow this.")
        self.reason = reason


class NotFound(AggregatorError):
    """No such path, object, document or entry."""

    status = 404
    code = "not_found"
    title = "Not found"


class MethodNotAllowed(AggregatorError):
    """The path exists, the method does not."""

    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"


class Conflict(AggregatorError):
    """The same idempotency key is still being worked on."""

    status = 409
    code = "in_progress"
    title = "Still in progress"


class BodyTooLarge(AggregatorError):
    """The request's body is over the limit."""

    status = 413
    code = "body_too_large"
    title = "Body too large"


class UnsupportedMediaType(AggregatorError):
    """The request's body is not of a type that this route reads."""

    status = 415
    code = "unsupported_media_type"
    title = "Unsupported media type"


class KeyReused(AggregatorError):
    """The same idempotency key came with another body."""

    status = 422
    code = "idempotency_key_reused"
    title = "Idempotency key reused"


class RateLimited(AggregatorError):
    """Too many requests of one subject, or of one address without valid tokens: `limit` says which."""

    reason: ClassVar[str] = "rate"

    status = 429
    code = "rate_limited"
    title = "Too many requests"

    def __init__(self, limit: str, detail: str, *, retry_after_s: int, headers: Mapping[str, str]) -> None:
        super().__init__(detail, retry_after_s=retry_after_s, headers=headers)
        self.limit = limit


class HeadersTooLarge(AggregatorError):
    """A header is over the limit."""

    status = 431
    code = "headers_too_large"
    title = "Request header fields too large"


class SourceError(AggregatorError):
    """A source failed. `source` is its name; what it said is logged, not answered."""

    status = 502
    code = "source_failed"
    title = "A source failed"

    def __init__(self, source: str, detail: str = "", *, retry_after_s: int | None = None) -> None:
        super().__init__(detail or f"The source {source} failed.", retry_after_s=retry_after_s)
        self.source = source


class SourceMisconfigured(SourceError):
    """The source refused us, or what a setting names does not exist."""

    code = "source_misconfigured"
    title = "A source is not set up"

    def __init__(self, source: str, setting: str, what: str) -> None:
        super().__init__(source, f"The source {source} {what}: check the setting {setting}.")
        self.setting = setting


class SourceTimeout(SourceError):
    """The source did not answer within the request's deadline."""

    status = 504
    code = "source_timeout"
    title = "A source did not answer in time"

    def __init__(self, source: str, *, after_s: float) -> None:
        super().__init__(source, f"The source {source} gave nothing within {after_s:.1f} s.")


class Unavailable(AggregatorError):
    """Overloaded, or a dependency is down: worth asking again after `retry_after_s`."""

    status = 503
    code = "unavailable"
    title = "Unavailable"


class ConfigError(Exception):
    """The settings cannot be used: `faults` names every reason and prints no value."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("The settings cannot be used: " + "; ".join(faults) + ".")
        self.faults = tuple(faults)
