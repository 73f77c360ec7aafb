"""The contract as one page to read: plain HTML, no scripts, nothing from elsewhere.

Everything in it comes from the OpenAPI document, and every text of it is escaped.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from shared.openapi import operations, public, resolved

_CODE: Final = re.compile(r"`([^`]+)`")
_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --quiet: #777; --accent: #0a7b83; }
@media (prefers-color-scheme: dark) { :root { --quiet: #999; --accent: #4cc3cb; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; display: grid;
       grid-template-columns: 17rem minmax(0, 58rem); gap: 0 3rem; }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 2rem 1rem 2rem 1.5rem;
      border-right: 1px solid var(--line); font-size: .9rem; }
nav ul { list-style: none; padding: 0; margin: .25rem 0 1.25rem; }
nav a { display: block; padding: .15rem 0; text-decoration: none; color: inherit; }
nav a:hover, a { color: var(--accent); }
main { padding: 2rem 1.5rem 6rem 0; }
h1 { margin: 0 0 1rem; line-height: 1.2; }
h2 { margin: 3rem 0 1rem; }
section { border: 1px solid var(--line); border-radius: .6rem; padding: 1rem 1.25rem; margin: 1.25rem 0; }
section > h3 { margin: 0 0 .5rem; font-size: 1.1rem; overflow-wrap: anywhere; }
h4 { margin: 1.25rem 0 .4rem; font-size: .95rem; }
code, pre { font: .875em/1.5 ui-monospace, Menlo, Consolas, monospace; }
p code, td code, summary code { background: var(--soft); padding: .1em .3em; border-radius: .25rem; }
pre { background: var(--soft); padding: .8rem 1rem; border-radius: .4rem; overflow: auto; margin: .4rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; }
td { border-top: 1px solid var(--line); }
td:nth-child(3) { min-width: 8.5rem; }
td pre { white-space: pre-wrap; }
th { color: var(--quiet); font-weight: 500; }
td:first-child { white-space: nowrap; }
td { overflow-wrap: anywhere; }
summary { cursor: pointer; padding: .25rem 0; }
.method { color: var(--accent); font-weight: 700; margin-right: .5rem; }
.quiet { color: var(--quiet); }
@media (max-width: 60rem) { body { display: block; padding: 0 1rem; } main { padding: 1rem 0 4rem; }
  nav { position: static; height: auto; border: 0; padding: 1rem 0 0; }
  table { display: block; overflow: auto; } }
"""
_DIGEST: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
# Source: https://www.w3.org/TR/CSP3/
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@cache
def public_page() -> bytes:
    """The page of what everyone may see, in UTF-8."""
    return page(public()).encode()


def page(document: dict[str, Any]) -> str:
    """The page of a document; `POLICY` is the Content-Security-Policy to send with it."""
    routes = [(path, method, item) for path, method, item in operations(document) if "responses" in item]
    shown = [route for route in routes if route[1] not in ("HEAD", "OPTIONS")]
    info = document["info"]
    title = _escaped(info["title"])
    paragraphs = "".join(f"<p>{_prose(part)}</p>" for part in info["description"].split("\n\n"))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<nav>{_navigation(document, shown)}</nav><main>"
        f'<h1>{title} <small class="quiet">{_escaped(info["version"])}</small></h1>{paragraphs}'
        f'<p>For programs: <a href="/openapi.json">/openapi.json</a>. {_prose(_token_text(document))}</p>'
        f"{''.join(_group(document, tag, shown) for tag in document['tags'])}"
        f'<h2 id="schemas">Schemas</h2>{_schemas(document)}</main></body></html>\n'
    )


def _navigation(document: dict[str, Any], routes: Iterable[tuple[str, str, dict[str, Any]]]) -> str:
    lists = []
    for tag in document["tags"]:
        links = [
            f'<li><a href="#{_escaped(item["operationId"])}">'
            f"{'' if method == 'GET' else method + ' '}{_escaped(path)}</a></li>"
            for path, method, item in routes
            if tag["name"] in item["tags"]
        ]
        lists.append(f"<strong>{_escaped(tag['name'])}</strong><ul>{''.join(links)}</ul>")
    return "".join(lists) + '<a href="#schemas">Schemas</a>'


def _token_text(document: dict[str, Any]) -> str:
    schemes = document["components"]["securitySchemes"].values()
    return "Authentication: " + " Or: ".join(scheme["description"] for scheme in schemes)


def _group(
    document: dict[str, Any], tag: dict[str, str], routes: Iterable[tuple[str, str, dict[str, Any]]]
) -> str:
    sections = [_route(document, *route) for route in routes if tag["name"] in route[2]["tags"]]
    return f"<h2>{_escaped(tag['description'])}</h2>{''.join(sections)}"


def _route(document: dict[str, Any], path: str, method: str, item: dict[str, Any]) -> str:
    named = [*document["paths"][path].get("parameters", []), *item.get("parameters", [])]
    parameters = [resolved(document, one) for one in named]
    roles = ", ".join(item.get("x-roles", [])) or "none: everyone may ask"
    return (
        f'<section id="{_escaped(item["operationId"])}"><h3><span class="method">{method}</span>'
        f"<code>{_escaped(path)}</code></h3><p><strong>{_prose(item['summary'])}.</strong> "
        f'{_prose(item.get("description", ""))}</p><p class="quiet">Roles: {_escaped(roles)}</p>'
        f"<pre>{_escaped(_command(path, method, item, parameters))}</pre>"
        f"{_parameters(document, parameters)}{_request_body(document, item)}{_responses(document, item)}"
        "</section>"
    )


def _command(path: str, method: str, item: dict[str, Any], parameters: list[dict[str, Any]]) -> str:
    """A line to paste: the parameters that must be there, and the first example of a body."""
    required = [one for one in parameters if one.get("required")]
    needed = "&".join(f"{one['name']}={one['example']}" for one in required if one["in"] == "query")
    for one in required:
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", one["example"])
    verb = "" if method == "GET" else f"-X {method} "
    token = '-H "Authorization: Bearer $TOKEN" ' if item.get("security") != [] else ""
    return f'curl -sS {verb}{token}"$API{path}{"?" if needed else ""}{needed}"{_body(item)}'


def _body(item: dict[str, Any]) -> str:
    for kind, media in item.get("requestBody", {}).get("content", {}).items():
        for one in media["examples"].values():
            return f" -H 'Content-Type: {kind}' -d '{json.dumps(one['value'])}'"
    return ""


def _request_body(document: dict[str, Any], item: dict[str, Any]) -> str:
    kinds = item.get("requestBody", {}).get("content", {})
    return "".join(f"<div>Body: {_content(document, kind, media)}</div>" for kind, media in kinds.items())


def _parameters(document: dict[str, Any], parameters: list[dict[str, Any]]) -> str:
    if not parameters:
        return ""
    rows = "".join(
        f"<tr><td><code>{_escaped(one['name'])}</code></td><td>{_prose(one['description'])}"
        f"{' <strong>Required.</strong>' if one.get('required') else ''}</td>"
        f"<td>{_type(document, one['schema'])}</td><td>{_sample(one)}</td></tr>"
        for one in parameters
    )
    head = "<tr><th>Name</th><th>Meaning</th><th>Values</th><th>Example</th></tr>"
    return (
        f"<details><summary>{len(parameters)} parameter{'s' * (len(parameters) > 1)}</summary>"
        f"<table>{head}{rows}</table></details>"
    )


def _sample(parameter: dict[str, Any]) -> str:
    values = [one["value"] for one in parameter.get("examples", {}).values()]
    values += [parameter["example"]] if "example" in parameter else []
    flat = [part for value in values for part in (value if isinstance(value, list) else [value])]
    return " ".join(f"<code>{_escaped(str(one))}</code>" for one in flat)


def _responses(document: dict[str, Any], item: dict[str, Any]) -> str:
    rows = []
    for status, one in item["responses"].items():
        response = resolved(document, one)
        shown = "".join(
            _content(document, kind, media) for kind, media in response.get("content", {}).items()
        )
        headers = " ".join(f"<code>{_escaped(name)}</code>" for name in response.get("headers", {}))
        rows.append(
            f"<tr><td><code>{_escaped(status)}</code></td><td>{_prose(response['description'])}{shown}</td>"
            f"<td>{headers}</td></tr>"
        )
    head = "<tr><th>Status</th><th>Answer</th><th>Headers</th></tr>"
    return f"<details><summary>{len(rows)} answers</summary><table>{head}{''.join(rows)}</table></details>"


def _content(document: dict[str, Any], kind: str, media: dict[str, Any]) -> str:
    examples = [resolved(document, one)["value"] for one in media.get("examples", {}).values()]
    examples += [media["example"]] if "example" in media else []
    of = _type(document, media["schema"])
    if not examples:
        return f"<div><code>{_escaped(kind)}</code> {of}</div>"
    texts = [e if isinstance(e, str) else json.dumps(e, indent=2, ensure_ascii=False) for e in examples]
    blocks = "".join(f"<pre>{_escaped(text)}</pre>" for text in texts)
    return f"<details><summary><code>{_escaped(kind)}</code> {of}</summary>{blocks}</details>"


def _schemas(document: dict[str, Any]) -> str:
    sections = []
    for name, schema in document["components"]["schemas"].items():
        needed = schema.get("required", [])
        rows = "".join(
            f"<tr><td><code>{_escaped(field)}</code>{'' if field in needed else ' optional'}</td>"
            f"<td>{_type(document, one)}</td><td>{_prose(one.get('description', ''))}</td></tr>"
            for field, one in schema.get("properties", {}).items()
        )
        body = f"<table>{rows}</table>" if rows else f"<p>{_type(document, schema)}</p>"
        about = f"<p>{_prose(schema['description'])}</p>" if "description" in schema else ""
        sections.append(
            f'<section id="schema-{_escaped(name)}"><h3>{_escaped(name)}</h3>{about}{body}</section>'
        )
    return "".join(sections)


def _type(document: dict[str, Any], schema: dict[str, Any]) -> str:
    """A schema in a few words; named ones are links."""
    if "$ref" in schema:
        name = _escaped(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    for word, joint in (("oneOf", " or "), ("allOf", " and ")):
        if word in schema:
            parts = joint.join(_type(document, one) for one in schema[word])
            return parts + _details(schema)
    if "enum" in schema:
        return " · ".join(f"<code>{_escaped(str(one))}</code>" for one in schema["enum"]) + _details(schema)
    if schema.get("type") == "array":
        return f"list of {_type(document, schema['items'])}"
    if fields := schema.get("properties"):
        inner = "".join(
            f"<li><code>{_escaped(n)}</code>: {_type(document, one)}</li>" for n, one in fields.items()
        )
        return f"object<ul>{inner}</ul>"
    return _escaped(schema.get("type", "anything")) + _details(schema)


def _details(schema: dict[str, Any]) -> str:
    words = []
    if "minimum" in schema:
        words.append(("above " if schema.get("exclusiveMinimum") else "from ") + str(schema["minimum"]))
    if "default" in schema:
        words.append(f"default {json.dumps(schema['default'])}")
    if schema.get("nullable"):
        words.append("or null")
    if "pattern" in schema and "\\u" not in schema["pattern"]:
        words.append(f"`{schema['pattern']}`")
    return ", ".join(["", *map(_prose, words)])


def _prose(text: str) -> str:
    """Text with its `code` marked."""
    return _CODE.sub(r"<code>\1</code>", _escaped(text))


def _escaped(text: str) -> str:
    return html.escape(text, quote=True)
