"""The OpenAPI file: valid, complete, and the same as what the functions do."""

import ast
import html.parser
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import validate

from local.gateway_problems import FunctionTooSlow
from local.run import ROOT
from shared import docs_page, openapi
from shared.endpoint import Route
from shared.errors import AggregatorError
from tests.conftest import SECRET, Serve, bearer

FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/main.py"))
DOCUMENT = openapi.template()
GETS = [(path, item) for path, method, item in openapi.operations(DOCUMENT) if method == "GET"]
VALUES = {f"{name}_address": f"https://{name}.example.com" for name in FUNCTIONS} | {
    "jwt_issuer": "https://id.example.com",
    "jwt_jwks_uri": "https://id.example.com/jwks",
    "jwt_audience": "log-aggregator",
}


def routes_of(function: str, monkeypatch: pytest.MonkeyPatch, data: Path) -> tuple[Route, ...]:
    """The routes that a function serves, from the function itself."""
    settings = {
        "LOCAL_DATA_DIR": str(data),
        "LOG_AGGREGATOR_SECRET_KEY": SECRET,
        "GCS_BUCKET_NAME": "logs-bucket",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    spec = importlib.util.spec_from_file_location(
        f"served_{function}", ROOT / "functions" / function / "main.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    routes: tuple[Route, ...] = getattr(module, function).routes
    return routes


def test_it_is_valid_in_each_of_its_uses() -> None:
    """As the template, as the gateways get it, and as everyone sees it."""
    for document in (DOCUMENT, openapi.rendered(VALUES), openapi.public()):
        validate(document)
        json.dumps(document)


def test_what_everyone_sees_has_nothing_of_the_gateways() -> None:
    """No extension, no address, no issuer, no directive."""
    told = json.dumps(openapi.public())

    assert re.findall(r"x-google|[$%]\{|_address|jwks", told) == []
    schemes = openapi.public()["components"]["securitySchemes"]
    assert {(one["type"], one["scheme"]) for one in schemes.values()} == {("http", "bearer")}


def test_rendering_leaves_no_directive_and_misses_no_value() -> None:
    """Every value is asked for, and one that is missing is named."""
    rendered = json.dumps(openapi.rendered(VALUES))

    assert re.findall(r"[$%]\{", rendered) == []
    assert [value for value in VALUES.values() if value not in rendered] == []
    with pytest.raises(ValueError, match=r"\$\{jwt_issuer\}"):
        openapi.rendered({name: value for name, value in VALUES.items() if name != "jwt_issuer"})


def test_terraform_reads_the_template_as_we_do() -> None:
    """Directives are plain names in text of one line, in comments and examples too; nothing is escaped."""
    text = openapi.PATH.read_text()
    found = re.findall(r"[$%]{1,2}\{[^}]*\}", text)

    assert set(found) == {f"${{{name}}}" for name in VALUES}
    assert all(re.search(rf'"[^"]*{re.escape(one)}[^"]*"', text) for one in found)


def test_every_route_is_served_and_every_served_route_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By the function that it names as its backend, for the roles that it names."""
    served = {
        (route.path, route.method, function, route.roles)
        for function in FUNCTIONS
        for route in routes_of(function, monkeypatch, tmp_path)
    }
    written = {
        (path, method, item["x-google-backend"], frozenset(item["x-roles"]) if "x-roles" in item else None)
        for path, method, item in openapi.operations(DOCUMENT)
        if method not in ("HEAD", "OPTIONS")
    }

    assert written == served


def test_only_routes_for_everyone_are_without_security() -> None:
    """What names roles needs a token at the gateway already; a preflight has none."""
    for path, method, item in openapi.operations(DOCUMENT):
        if method == "OPTIONS":
            assert item["security"] == []
        else:
            assert (item.get("security") == []) == ("x-roles" not in item), (path, method)
    assert {path for path, item in GETS if item.get("security") == []} == {
        "/health",
        "/openapi.json",
        "/docs",
    }


@pytest.mark.parametrize("path", list(DOCUMENT["paths"]))
def test_head_and_options_stand_beside_every_get(path: str) -> None:
    """The managed gateway answers 405 to what is not declared; the backend is the same."""
    item = DOCUMENT["paths"][path]

    assert {item[method]["x-google-backend"] for method in ("get", "head", "options")} == {
        item["get"]["x-google-backend"]
    }
    assert item["head"].get("security") == item["get"].get("security")
    assert item["head"].get("x-roles") == item["get"].get("x-roles")


def test_every_backend_is_a_function_with_a_deadline_above_its_own() -> None:
    """The gateway's default is 15 s, less than a function may take."""
    backends = DOCUMENT["x-google-api-management"]["backends"]

    assert sorted(backends) == FUNCTIONS
    assert {name: b["deadline"] for name, b in backends.items() if not 25 < b["deadline"] <= 120} == {}
    assert {b["pathTranslation"] for b in backends.values()} == {"APPEND_PATH_TO_ADDRESS"}


def test_operation_ids_are_unique() -> None:
    """Clients and gateways make names of them."""
    ids = [item["operationId"] for _, _, item in openapi.operations(DOCUMENT)]

    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[A-Za-z]+", one) for one in ids)


def words() -> list[str]:
    """Every string in the library that could be a parameter's name, and the documented names."""
    found = {parameter["name"] for parameter in DOCUMENT["components"]["parameters"].values()}
    for path in [*(ROOT / "shared").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= {node.value} if re.fullmatch(r"[a-z][a-z0-9_.-]{0,30}", node.value) else set()
    return sorted(found - {"label."})


def parameters(path: str) -> list[dict[str, Any]]:
    """The documented query parameters of a path's GET."""
    item = DOCUMENT["paths"][path]
    named = [*item.get("parameters", []), *item["get"].get("parameters", [])]
    return [one for one in (openapi.resolved(DOCUMENT, one) for one in named) if one["in"] == "query"]


def filled(path: str) -> str:
    """The path with the documented examples of its parameters."""
    for one in DOCUMENT["paths"][path].get("parameters", []):
        known = openapi.resolved(DOCUMENT, one)
        path = path.replace(f"{{{known['name']}}}", str(known.get("example")))
    return path


@pytest.mark.parametrize(("path", "item"), GETS, ids=[path for path, _ in GETS])
def test_the_parameters_are_those_that_the_function_takes(
    serve: Serve, path: str, item: dict[str, Any]
) -> None:
    """Found by asking: of all words of the library, exactly the documented ones are not called unknown."""
    client = serve(item["x-google-backend"])
    candidates, known = words(), set()
    for start in range(0, len(candidates), 15):
        asked = candidates[start : start + 15]
        query = "&".join(f"{name}=x" for name in asked)
        answer = client.get(f"{filled(path)}?{query}", headers=bearer("admin")).json
        unknown = {
            fault["parameter"]
            for fault in answer.get("errors", [])
            if fault["detail"] == "is not a parameter of this route"
        }
        known |= set(asked) - unknown

    dotted = {name for name in known if name.startswith("label.")}
    assert known - dotted == {one["name"] for one in parameters(path)} - {"label.session_id"}
    assert bool(dotted) == ("label.session_id" in {one["name"] for one in parameters(path)})


@pytest.mark.parametrize(("path", "item"), GETS, ids=[path for path, _ in GETS])
def test_what_is_required_and_what_repeats_is_as_documented(
    serve: Serve, path: str, item: dict[str, Any]
) -> None:
    """A missing required parameter is named; a second value is refused unless it is a list."""
    client = serve(item["x-google-backend"])
    for one in parameters(path):
        name, schema = one["name"], openapi.resolved(DOCUMENT, one["schema"])
        twice = client.get(f"{filled(path)}?{name}=true&{name}=false", headers=bearer("admin"))
        once_only = f'{{"detail":"may be given once only","parameter":"{name}"}}' in twice.text
        assert once_only == (schema.get("type") != "array"), name
        if one.get("required"):
            missing = client.get(filled(path), headers=bearer("admin"))
            assert [fault["parameter"] for fault in missing.json["errors"]] == [name]


def examples() -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Every example of the document, with its schema."""
    components = DOCUMENT["components"]
    for kind in ("parameters", "responses"):
        for name, one in components[kind].items():
            for media in one.get("content", {"": one}).values():
                for number, value in enumerate(values(media)):
                    yield f"{kind} {name} {number}", media["schema"], value


def values(media: dict[str, Any]) -> list[Any]:
    """The examples beside one schema."""
    named = [openapi.resolved(DOCUMENT, one)["value"] for one in media.get("examples", {}).values()]
    return named + ([media["example"]] if "example" in media else [])


EXAMPLES = list(examples())


@pytest.mark.parametrize(("schema", "value"), [one[1:] for one in EXAMPLES], ids=[one[0] for one in EXAMPLES])
def test_an_example_fits_its_schema(schema: dict[str, Any], value: Any) -> None:
    """What is shown is what is promised."""
    whole = {**schema, "components": DOCUMENT["components"]}

    assert list(OAS30Validator(whole).iter_errors(value)) == []


def tree(cls: type[AggregatorError]) -> Iterator[type[AggregatorError]]:
    """An error and all that are of its kind."""
    yield cls
    for child in cls.__subclasses__():
        yield from tree(child)


def test_the_codes_are_those_of_the_errors() -> None:
    """A new error is in the contract before a caller meets it, and each example is one of them."""
    errors = {
        error.code: error
        for error in tree(AggregatorError)
        if error.__module__ in ("shared.errors", FunctionTooSlow.__module__)
    }
    problem = DOCUMENT["components"]["schemas"]["Problem"]["properties"]
    shown = [
        media["example"]
        for response in DOCUMENT["components"]["responses"].values()
        for kind, media in response.get("content", {}).items()
        if kind == "application/problem+json" and "example" in media
    ]

    assert sorted(problem["code"]["enum"]) == sorted(errors)
    assert len(shown) > 8
    for one in shown:
        error = errors[one["code"]]
        assert (one["status"], one["title"]) == (error.status, error.title)
        assert one["type"].endswith(f":{error.code}")


def test_every_operation_says_how_it_fails() -> None:
    """Each GET names its problems; a status above 399 is never without a description of its body."""
    for path, item in GETS:
        statuses = set(item["responses"])
        needed = {"200", "400", "413", "431", "500", "503"}
        needed |= {"401", "403", "429"} if item.get("security") != [] else set()
        assert needed <= statuses, path


def test_the_functions_serve_the_document(serve: Serve) -> None:
    """GET /openapi.json is what everyone may see, to the letter."""
    answer = serve("health").get("/openapi.json")

    assert answer.json == openapi.public()


class Outline(html.parser.HTMLParser):
    """The tags and links of a page; `open` holds what was not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes a tag."""
        self.tags.add(tag)
        if tag != "meta":
            self.open.append(tag)
        for name, value in attrs:
            if name in ("href", "src"):
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        """Closes the tag that was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keeps the text."""
        self.text += data


def test_the_page_shows_every_route_and_parameter_and_loads_nothing(serve: Serve) -> None:
    """Plain HTML under a policy that forbids all but its own style; every link leads somewhere."""
    answer = serve("health").get("/docs")
    outline = Outline()
    outline.feed(answer.text)

    assert (answer.content_type, outline.open) == ("text/html; charset=utf-8", [])
    assert outline.tags.isdisjoint({"script", "link", "img", "iframe", "form", "object"})
    assert {link for link in outline.links if not link.startswith("#")} == {"/openapi.json"}
    assert {link[1:] for link in outline.links if link.startswith("#")} <= set(outline.ids)
    assert len(outline.ids) == len(set(outline.ids))
    names = [one["name"] for one in DOCUMENT["components"]["parameters"].values()]
    assert [
        word
        for word in [*DOCUMENT["paths"], *names, *DOCUMENT["components"]["schemas"]]
        if word not in outline.text
    ] == []
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")


def test_the_page_escapes_what_it_shows() -> None:
    """Whatever a text of the document holds, it stays text."""
    document = json.loads(json.dumps(openapi.public()).replace("Log objects of", "<script>alert(1)</script>"))
    page = docs_page.page(document)

    assert "&lt;script&gt;" in page
    assert "<script" not in page


def test_the_image_has_the_file_where_the_function_looks() -> None:
    """Beside `shared`, as in the repository."""
    place = openapi.PATH.relative_to(ROOT).as_posix()

    assert f"COPY {place} /app/{place}" in (ROOT / "Dockerfile").read_text()
    assert f"!{place}" in (ROOT / ".dockerignore").read_text().splitlines()
    assert re.search(r"^pyyaml==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
