"""What holds at the door of every function: paths, methods, tokens, parameters, headers."""

import pytest

from tests.conftest import Serve, bearer

ROUTES = {
    "gcs": ["/logs/gcs", "/logs/gcs/objects"],
    "firestore": ["/logs/firestore", "/logs/firestore/collections"],
    "pods": ["/logs/pods", "/logs/pods/names"],
}
EACH_ROUTE = [(function, path) for function, paths in ROUTES.items() for path in paths]
ENTRIES = [(function, paths[0]) for function, paths in ROUTES.items()]


@pytest.mark.parametrize(("function", "path"), EACH_ROUTE)
def test_nothing_there_is_an_empty_answer(serve: Serve, function: str, path: str) -> None:
    """An empty data directory is 200 with nothing in it, on every route."""
    answer = serve(function).get(path, headers=bearer())

    assert answer.status_code == 200
    (name,) = set(answer.json) - {"meta", "next_page_token"}
    assert [item for item in answer.json[name] if item.get("bots") != []] == []
    assert (answer.json["next_page_token"], answer.json["meta"]["partial"]) == (None, False)


@pytest.mark.parametrize(("function", "path"), EACH_ROUTE)
def test_without_a_token_nothing_is_told(serve: Serve, function: str, path: str) -> None:
    """No token is a 401 problem that says how to authenticate."""
    answer = serve(function).get(path + "?start=nonsense")

    assert (answer.status_code, answer.json["code"]) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/logs",
        "/logs/gcs/",
        "/logs//gcs",
        "//logs/gcs",
        "/logs/gcs%2Fobjects",
        "/logs/x/../gcs",
        "/LOGS/GCS",
    ],
)
def test_any_other_path_is_not_found(serve: Serve, path: str) -> None:
    """Paths are taken as they were sent: no decoding, no collapsing, no redirect."""
    answer = serve("gcs").get(path, headers=bearer())

    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_other_methods_are_refused_with_those_allowed(serve: Serve, method: str) -> None:
    """405 comes before authentication and names the allowed methods."""
    answer = serve("gcs").open("/logs/gcs", method=method, headers={"X-HTTP-Method-Override": "GET"})

    assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_head_is_get_without_its_body(serve: Serve) -> None:
    """HEAD has GET's status and headers."""
    answer = serve("gcs").head("/logs/gcs", headers=bearer())

    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.content_type == "application/json"


@pytest.mark.parametrize(("function", "path"), ENTRIES)
@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ("frobnicate=1", "frobnicate"),
        ("q=a&q=b", "q"),
        ("regex=a&regex=b", "regex"),
        ("start=yesterday", "start"),
        ("start=2026-11-20T09:15:00", "start"),
        ("end=12345", "end"),
        ("start=2026-11-20T09:15:00Z&end=2026-11-20T09:15:00Z", "start"),
        ("start=2025-01-01T00:00:00Z&end=2026-11-20T09:15:00Z", "start"),
        ("since=soon", "since"),
        ("since=15m&start=-1h", "since"),
        ("since=0s", "since"),
        ("min_severity=LOUD", "min_severity"),
        ("page_size=0", "page_size"),
        ("page_size=-1", "page_size"),
        ("page_size=ten", "page_size"),
        ("page_size=1e3", "page_size"),
        ("order=up", "order"),
        ("format=xml", "format"),
        ("timeout=0", "timeout"),
        ("timeout=nan", "timeout"),
        ("regex=(", "regex"),
        ("regex=(?=x)", "regex"),
        ("exclude=[", "exclude"),
        ("q=%00", "q"),
        ("q=a%0Ab", "q"),
        ("q=%ff%fe", "q"),
        ("since=1h&q=%ff", "q"),
        ("bot=%07", "bot"),
        ("bot=", "bot"),
        ("page_token=nonsense", "page_token"),
        ("page_token=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "page_token"),
        ("dry_run=perhaps", "dry_run"),
    ],
)
def test_a_bad_parameter_is_named(
    serve: Serve, function: str, path: str, parameters: str, named: str
) -> None:
    """400, a stable code, and the parameter's name; never its value."""
    answer = serve(function).get(f"{path}?{parameters}", headers=bearer())

    assert answer.status_code == 400
    assert answer.json["code"] in ("invalid_request", "invalid_page_token")
    assert [fault["parameter"] for fault in answer.json["errors"]] == [named]


@pytest.mark.parametrize(
    ("function", "parameters", "named"),
    [
        ("gcs", "prefix=secrets/", "prefix"),
        ("gcs", "bucket=other", "bucket"),
        ("gcs", "namespace=gpt", "namespace"),
        ("firestore", "collection=users", "collection"),
        ("firestore", "prefix=trades/", "prefix"),
        ("pods", "namespace=kube-system", "namespace"),
        ("pods", "pod=a*b", "pod"),
        ("pods", "container=x%22%20OR%20true", "container"),
    ],
)
def test_a_place_that_is_not_configured_is_named(
    serve: Serve, function: str, parameters: str, named: str
) -> None:
    """What the settings do not list cannot be asked for, nor what belongs to another source."""
    answer = serve(function).get(f"/logs/{function}?{parameters}", headers=bearer())

    assert (answer.status_code, [fault["parameter"] for fault in answer.json["errors"]]) == (400, [named])


def test_every_fault_is_told_at_once(serve: Serve) -> None:
    """A caller mends a request in one go."""
    answer = serve("gcs").get("/logs/gcs?page_size=0&order=up&nope=1&start=x", headers=bearer())

    assert {fault["parameter"] for fault in answer.json["errors"]} == {"page_size", "order", "nope", "start"}


def test_a_request_id_is_kept_if_it_is_clean(serve: Serve) -> None:
    """The caller's own id comes back; one with other characters is replaced."""
    client = serve("gcs")

    kept = client.get("/logs/gcs", headers={"X-Request-ID": "my.id-1"})
    replaced = client.get("/logs/gcs", headers={"X-Request-ID": "a b<script>"})

    assert (kept.headers["X-Request-ID"], kept.json["request_id"]) == ("my.id-1", "my.id-1")
    assert replaced.headers["X-Request-ID"] == replaced.json["request_id"] != "a b<script>"


def test_a_large_body_is_refused_before_authentication(serve: Serve) -> None:
    """413 comes before 401."""
    answer = serve("gcs").get("/logs/gcs", data=b"x" * (1 << 20 | 1))

    assert (answer.status_code, answer.json["code"]) == (413, "body_too_large")


def test_only_configured_origins_may_come_from_a_browser(serve: Serve) -> None:
    """A preflight of another origin is 403."""
    client = serve("gcs", CORS_ORIGINS="https://dash.example.com")

    ours = client.options("/logs/gcs", headers={"Origin": "https://dash.example.com"})
    other = client.options("/logs/gcs", headers={"Origin": "https://evil.example.com"})

    assert (ours.status_code, ours.headers["Access-Control-Allow-Origin"]) == (
        204,
        "https://dash.example.com",
    )
    assert (other.status_code, "Access-Control-Allow-Origin" in other.headers) == (403, False)


def test_health_says_ok_and_nothing_else(serve: Serve) -> None:
    """No token, no settings, no details."""
    answer = serve("health").get("/health")

    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


@pytest.mark.parametrize("role", ["scheduler", "metrics"])
def test_roles_that_do_not_read_are_forbidden(serve: Serve, role: str) -> None:
    """Authenticated is not allowed."""
    answer = serve("gcs").get("/logs/gcs", headers=bearer(role))

    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")


@pytest.mark.parametrize("secret", ["", "short", "change-me-change-me-change-me-change-me"])
def test_a_weak_secret_stops_the_start(serve: Serve, secret: str) -> None:
    """The process refuses to start, names the setting and does not print the secret."""
    with pytest.raises(SystemExit) as caught:
        serve("gcs", LOG_AGGREGATOR_SECRET_KEY=secret)

    assert "LOG_AGGREGATOR_SECRET_KEY" in str(caught.value)
    assert not secret or secret not in str(caught.value)


def test_every_wrong_setting_is_named_at_once_without_its_value(serve: Serve) -> None:
    """One message for all, and no value in it."""
    with pytest.raises(SystemExit) as caught:
        serve("gcs", REQUEST_DEADLINE_S="soonish", LOG_TIMEZONE="Mars/Base", GCS_BUCKET_NAME="No Such Name")

    message = str(caught.value)
    assert all(name in message for name in ("REQUEST_DEADLINE_S", "LOG_TIMEZONE", "GCS_BUCKET_NAME"))
    assert not any(value in message for value in ("soonish", "Mars", "No Such"))
