"""The contract: one authored OpenAPI file, read for the three who need it.

`infra/gateway/openapi.yaml.tftpl` is a Terraform template whose directives are plain names. Terraform fills
it for the managed gateway, `rendered` for the local one; `public` is what every caller may see.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

PATH: Final = Path(__file__).parent.parent / "infra" / "gateway" / "openapi.yaml.tftpl"
METHODS: Final = ("get", "head", "options", "post", "put", "patch", "delete", "trace")
_DIRECTIVE: Final = re.compile(r"[$%]\{([^}]*)\}")
_FOR_GATEWAYS: Final = "x-google-"
_BEARER: Final = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


def rendered(values: Mapping[str, str]) -> dict[str, Any]:
    """The whole document, each directive replaced by its value, as Terraform's `templatefile` does it.

    Raises: ValueError for a directive without a value; values that no directive asks for are passed over.
    Source: https://developer.hashicorp.com/terraform/language/functions/templatefile
    """
    document: dict[str, Any] = _each_text(template(), lambda text: _filled(text, values))
    return document


@cache
def public() -> dict[str, Any]:
    """The document as everyone may see it: no backends, no issuer, and the token as what a caller sends."""
    document: dict[str, Any] = _without_gateways(template())
    schemes = document["components"]["securitySchemes"]
    for name, scheme in schemes.items():
        schemes[name] = {**_BEARER, "description": scheme["description"]}
    return document


def operations(document: Mapping[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Every operation: its path, its method in capitals, and what the document says of it."""
    return [
        (path, method.upper(), item[method])
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    ]


def resolved(document: Mapping[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """The node itself, or what its `$ref` within the document points at."""
    while "$ref" in node:
        found: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def template() -> dict[str, Any]:
    """The template as it stands: directives are text in quotes, so it is YAML before it is filled."""
    import yaml

    # The C parser takes 10 ms, the other 80 ms; a wheel without it still works.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: dict[str, Any] = yaml.load(PATH.read_text("utf-8"), loader)  # noqa: S506 - both are safe
    return document


def _each_text(node: Any, change: Any) -> Any:
    if isinstance(node, dict):
        return {name: _each_text(value, change) for name, value in node.items()}
    if isinstance(node, list):
        return [_each_text(value, change) for value in node]
    return change(node) if isinstance(node, str) else node


def _filled(text: str, values: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[0][0] == "%" or match[1] not in values:
            raise ValueError(f"the template has {match[0]}, which has no value")
        return values[match[1]]

    return _DIRECTIVE.sub(value, text)


def _without_gateways(node: Any) -> Any:
    if isinstance(node, dict):
        kept = {name: value for name, value in node.items() if not str(name).startswith(_FOR_GATEWAYS)}
        return {name: _without_gateways(value) for name, value in kept.items()}
    return [_without_gateways(value) for value in node] if isinstance(node, list) else node
