"""Partial responses: the `fields` parameter of Google's JSON APIs, as `items(name,size),nextPageToken`.

Source: https://cloud.google.com/storage/docs/json_api#partial-response
"""

import re
from typing import Any

from tests.servers.gcs_objects import BadRequest

# Every name that may be asked for, so that a misspelled one is refused as the service refuses it.
_OBJECT_FIELDS = {
    "acl",
    "bucket",
    "cacheControl",
    "componentCount",
    "contentDisposition",
    "contentEncoding",
    "contentLanguage",
    "contentType",
    "contexts",
    "crc32c",
    "customTime",
    "customerEncryption",
    "etag",
    "eventBasedHold",
    "generation",
    "hardDeleteTime",
    "id",
    "kind",
    "kmsKeyName",
    "md5Hash",
    "mediaLink",
    "metadata",
    "metageneration",
    "name",
    "owner",
    "restoreToken",
    "retention",
    "retentionExpirationTime",
    "selfLink",
    "size",
    "softDeleteTime",
    "storageClass",
    "temporaryHold",
    "timeCreated",
    "timeDeleted",
    "timeFinalized",
    "timeStorageClassUpdated",
    "updated",
}
_OBJECT: dict[str, Any] = {name: {} for name in _OBJECT_FIELDS}
_LISTING: dict[str, Any] = {"kind": {}, "nextPageToken": {}, "prefixes": {}, "items": _OBJECT}
_OPEN_ENDED = {"metadata", "acl", "owner", "contexts", "retention", "customerEncryption"}


def select_object(resource: dict[str, Any], fields: str) -> dict[str, Any]:
    """The object resource with only the asked-for fields. Raises: BadRequest."""
    return _pick_fields(resource, _parse(fields, _OBJECT))


def select_listing(listing: dict[str, Any], fields: str) -> dict[str, Any]:
    """The list answer with only the asked-for fields. Raises: BadRequest."""
    return _pick_fields(listing, _parse(fields, _LISTING))


def _parse(fields: str, known: dict[str, Any]) -> dict[str, Any]:
    """A tree of names; an empty tree below a name means all of it."""
    tokens = re.findall(r"[A-Za-z0-9_-]+|.", fields)
    tree, at = _parse_list(tokens, 0, known)
    if at != len(tokens):
        raise BadRequest(f"Invalid field selection {fields}")
    return tree


def _parse_list(tokens: list[str], at: int, known: dict[str, Any]) -> tuple[dict[str, Any], int]:
    tree: dict[str, Any] = {}
    while True:
        at = _parse_path(tokens, at, known, tree)
        if at >= len(tokens) or tokens[at] != ",":
            return tree, at
        at += 1


def _parse_path(tokens: list[str], at: int, known: dict[str, Any], tree: dict[str, Any]) -> int:
    name = tokens[at] if at < len(tokens) else ""
    if name != "*" and name not in known:
        raise BadRequest(f"Invalid field selection {name}")
    below = known.get(name, {}) if name not in _OPEN_ENDED else _Anything()
    branch = tree.setdefault(name, {})
    following = tokens[at + 1] if at + 1 < len(tokens) else ""
    if following == "/":
        return _parse_path(tokens, at + 2, below, branch)
    if following == "(":
        inner, end = _parse_list(tokens, at + 2, below)
        if end >= len(tokens) or tokens[end] != ")":
            raise BadRequest("Invalid field selection: a parenthesis is not closed")
        branch.update(inner)
        return end + 1
    return at + 1


class _Anything(dict[str, Any]):
    """Below fields with free names, every name may be asked for."""

    def __contains__(self, name: object) -> bool:
        return bool(re.fullmatch(r"[\w-]+", str(name)))


def _pick_fields(resource: dict[str, Any], tree: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _pick(value, tree.get(name) or tree.get("*") or {})
        for name, value in resource.items()
        if name in tree or "*" in tree
    }


def _pick(value: Any, tree: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_pick(element, tree) for element in value]
    return _pick_fields(value, tree) if tree and isinstance(value, dict) else value
