"""Which answer a request to the fake of Cloud Storage gets. No sockets and no faults here."""

import json
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.servers.gcs_errors import Refused
from tests.servers.gcs_fields import select_listing, select_object
from tests.servers.gcs_media import Answer, NotGzip, as_integer, media_answer, precondition_status
from tests.servers.gcs_objects import MAX_PAGE, BadRequest, Bucket, ListQuery, StoredObject
from tests.servers.gcs_state import GcsState, Request

_JSON = {"Content-Type": "application/json; charset=UTF-8"}
_NOT_SERVED = {"versions", "softDeleted", "filter", "includeFoldersAsPrefixes", "includeTrailingDelimiter"}


@dataclass(frozen=True)
class Route:
    """A parsed request line. `style` is how errors are written: json, text or xml."""

    kind: str
    bucket: str
    name: str | None
    params: dict[str, str]
    style: str

    @property
    def fault_name(self) -> str | None:
        return self.params.get("prefix", "") if self.kind == "list" else self.name


def parse_route(method: str, target: str) -> Route:
    """The route of a request target. `%2F` in a name is part of it. Kind "other" is not served."""
    url = urlsplit(target)
    params = dict(parse_qsl(url.query, keep_blank_values=True))
    if method not in ("GET", "HEAD"):
        return Route("other", "", None, params, "json")
    match = re.fullmatch(r"(/download)?/storage/v1/b/([^/]+)(/o(?:/(.+))?)?", url.path)
    if match:
        bucket = unquote(match[2])
        if match[4] is not None:
            media = params.get("alt") == "media" or bool(match[1])
            kind, style = ("media", "text") if media else ("get", "json")
            return Route(kind, bucket, unquote(match[4]), params, style)
        return Route("list" if match[3] else "bucket", bucket, None, params, "json")
    match = re.fullmatch(r"/([^/]+)/(.+)", url.path)
    if match:
        kind = "media" if method == "GET" else "get"
        return Route(kind, unquote(match[1]), unquote(match[2]), params, "xml")
    return Route("other", "", None, params, "xml" if url.path.count("/") == 1 else "json")


def answer_route(state: GcsState, route: Route, request: Request, base_url: str) -> Answer:
    """The answer without faults. Raises: Refused."""
    if route.kind == "other":
        raise Refused(501, "This fake does not serve the request.")
    try:
        with state.lock:
            bucket = state.buckets.get(route.bucket)
            if bucket is None:
                raise Refused(404, "The specified bucket does not exist.", "NoSuchBucket")
            if route.kind == "list":
                return _list(state, bucket, route.params, base_url)
            if route.kind == "bucket":
                return _json_answer(_bucket_resource(bucket, base_url))
            stored = _object(bucket, route, request)
        if route.kind == "get" and route.style == "json":
            return _json_answer(select_object(stored.resource(base_url), route.params.get("fields", "*")))
        return _media(stored, route, request)
    except BadRequest as exc:
        raise Refused(400, str(exc)) from exc


def _object(bucket: Bucket, route: Route, request: Request) -> StoredObject:
    generation = route.params.get("generation")
    stored = bucket.get(route.name or "", as_integer(generation) if generation else None)
    if stored is None:
        message = "The specified key does not exist." if route.style == "xml" else None
        raise Refused(404, message or f"No such object: {bucket.name}/{route.name}")
    status = precondition_status(stored, route.params, request.headers)
    if status is not None:
        raise Refused(status)
    return stored


def _media(stored: StoredObject, route: Route, request: Request) -> Answer:
    try:
        return media_answer(stored, request.headers, xml=route.style == "xml")
    except NotGzip as exc:
        raise Refused(503) from exc


def _list(state: GcsState, bucket: Bucket, params: dict[str, str], base_url: str) -> Answer:
    refused = sorted(name for name in _NOT_SERVED if params.get(name, "false").lower() not in ("false", ""))
    if refused:
        raise Refused(501, f"This fake does not serve {refused[0]}.")
    max_results = as_integer(params.get("maxResults") or str(MAX_PAGE))
    if max_results < 1:
        raise BadRequest(f"Invalid value for maxResults: {max_results}")
    page = bucket.page(
        ListQuery(
            prefix=params.get("prefix", ""),
            delimiter=params.get("delimiter", ""),
            start_offset=params.get("startOffset", ""),
            end_offset=params.get("endOffset", ""),
            match_glob=params.get("matchGlob", ""),
            page_token=params.get("pageToken", ""),
            max_results=max_results,
        )
    )
    listing: dict[str, object] = {"kind": "storage#objects"}
    if page.next_page_token:
        listing["nextPageToken"] = page.next_page_token
    if page.prefixes:
        listing["prefixes"] = page.prefixes
    if page.items:
        listing["items"] = [stored.resource(base_url) for stored in page.items]
    answer = _json_answer(select_listing(listing, params.get("fields", "*")))
    state.sent(rows=len(page.items))
    return answer


def _bucket_resource(bucket: Bucket, base_url: str) -> dict[str, object]:
    created = bucket.created.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return {
        "kind": "storage#bucket",
        "id": bucket.name,
        "name": bucket.name,
        "selfLink": f"{base_url}/storage/v1/b/{bucket.name}",
        "projectNumber": "1",
        "metageneration": "1",
        "location": "US",
        "locationType": "multi-region",
        "storageClass": "STANDARD",
        "etag": "CAE=",
        "timeCreated": created,
        "updated": created,
    }


def _json_answer(content: dict[str, object]) -> Answer:
    return Answer(200, dict(_JSON), json.dumps(content).encode())
