"""Error bodies of Cloud Storage: JSON for the JSON API, plain text for its media, XML for the XML API."""

import json
from xml.sax.saxutils import escape

from tests.servers.gcs_media import Answer

_REASONS = {
    400: ("invalid", "InvalidArgument"),
    401: ("required", "AuthenticationRequired"),
    403: ("forbidden", "AccessDenied"),
    404: ("notFound", "NoSuchKey"),
    405: ("methodNotAllowed", "MethodNotAllowed"),
    408: ("uploadBrokenConnection", "RequestTimeout"),
    412: ("conditionNotMet", "PreconditionFailed"),
    416: ("requestedRangeNotSatisfiable", "InvalidRange"),
    429: ("rateLimitExceeded", "SlowDown"),
    500: ("internalError", "InternalError"),
    501: ("notImplemented", "NotImplemented"),
    503: ("backendError", "ServiceUnavailable"),
}
MESSAGES = {
    403: (
        "The caller does not have access to the Google Cloud Storage object. "
        "Permission denied on resource (or it may not exist)."
    ),
    408: "The request took too long.",
    412: "At least one of the pre-conditions you specified did not hold.",
    429: "The object exceeded the rate limit for object reads. Please reduce your request rate.",
    500: "We encountered an internal error. Please try again.",
    503: "We encountered an internal error. Please try again.",
}


class Refused(Exception):
    """The request is answered with an error. `code` is the XML API's, if not the status's usual one."""

    def __init__(self, status: int, message: str | None = None, code: str | None = None) -> None:
        super().__init__(message or MESSAGES.get(status, "Request failed."))
        self.status = status
        self.code = code


def error_answer(refused: Refused, style: str) -> Answer:
    """The answer in one of the three styles: json, text or xml."""
    status, message = refused.status, str(refused)
    if status == 304:
        return Answer(304, {}, None)
    reason, code = _REASONS.get(status, ("unknown", "Unknown"))
    if style == "text":
        return Answer(status, {"Content-Type": "text/html; charset=UTF-8"}, message.encode())
    if style == "xml":
        text = (
            f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{refused.code or code}</Code>"
            f"<Message>{escape(message)}</Message></Error>"
        )
        return Answer(status, {"Content-Type": "application/xml; charset=UTF-8"}, text.encode())
    body = {
        "error": {
            "code": status,
            "message": message,
            "errors": [{"message": message, "domain": "global", "reason": reason}],
        }
    }
    return Answer(status, {"Content-Type": "application/json; charset=UTF-8"}, json.dumps(body).encode())
