"""Page tokens of entries.list: an opaque position in the order of one request."""

import base64
import hashlib
import json
from typing import Any

Position = tuple[int, str, str]
"""Nanoseconds, insert id, log name: the total order of stored entries."""


class BadToken(Exception):
    """The token is not one of ours, or belongs to a request with other parameters."""


def make_token(request: Any, position: Position | None, turn: int) -> str:
    """Continues after `position` (None: from the start); `turn` makes every token a new one."""
    body = json.dumps([_request_hash(request), position, turn]).encode()
    return base64.urlsafe_b64encode(body).decode()


def read_token(request: Any) -> Position | None:
    """The position of the request's token, None for the start. Raises: BadToken."""
    if not request.page_token:
        return None
    try:
        of_request, position, _ = json.loads(
            base64.b64decode(request.page_token, altchars=b"-_", validate=True)
        )
        found = None if position is None else (int(position[0]), str(position[1]), str(position[2]))
    except (ValueError, TypeError, IndexError) as exc:
        raise BadToken from exc
    if of_request != _request_hash(request):
        raise BadToken
    return found


def _request_hash(request: Any) -> str:
    """The page size may change between pages, nothing else."""
    parts = [list(request.resource_names), request.filter, request.order_by]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
