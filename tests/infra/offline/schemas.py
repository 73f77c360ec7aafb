"""Schemas of a provider's resources, read out of the npm package that CDKTF generated from them.

The package's JavaScript carries its TypeScript source in a source map; there each argument has a comment
that says whether it is computed, optional or required, and a class for each nested block.
A schema is `{"attributes": {name: {"type", "required", "optional", "computed"}}, "blocks": {name:
{"nesting", "min", "max", "block": schema}}}`; a type is what the plugin protocol calls it, as JSON.
"""

import base64
import json
import re
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

_MAP: Final = "//# sourceMappingURL=data:application/json;base64,"
_CLASS: Final = re.compile(r"^export class (\w+) extends cdktf\.(\w+) \{$", re.MULTILINE)
_FLAGS: Final = re.compile(
    r"^  // (\w+) - computed: (true|false), optional: (true|false), required: (true|false)\n((?:.*\n){3})",
    re.MULTILINE,
)
_IS_BLOCK: Final = re.compile(r"^\s+(\w+): \{\n\s+value: .*\n\s+isBlock: (true|false),", re.MULTILINE)
_MANY: Final = re.compile(r"^export function (\w+)ToHclTerraform\(", re.MULTILINE)
_NESTED: Final = re.compile(r"private _\w+ = new (\w+)\(this, \"\w+\"(?:, (true|false))?\)")
# The provider's own `batching`: declared otherwise than those of resources, and not used here.
_PROVIDERS_BLOCK: Final = re.compile(r"private _\w+\?: [A-Z]\w+Provider[A-Z]\w+\[\]")
_STATIC: Final[dict[str, Any]] = {
    "cdktf.StringMap": ["map", "string"],
    "cdktf.NumberMap": ["map", "number"],
    "cdktf.BooleanMap": ["map", "bool"],
    "cdktf.StringMapList": ["list", ["map", "string"]],
}
_GETTERS: Final = {"String": "string", "Number": "number", "Boolean": "bool", "Any": "dynamic"}

Schema = dict[str, Any]


class UnreadableSchema(Exception):
    """The package does not look as this reader knows it: it must be taught, or the pin put back."""


class _Nested(NamedTuple):
    """A block or an object: its class, how many there may be, and whether their order counts."""

    stem: str
    many: bool
    is_set: bool


def of_types(package: Path, folders: Iterable[str]) -> dict[str, Schema]:
    """Schemas by folder of `lib/`, of those folders that the package (an npm tarball) has.

    Raises: UnreadableSchema.
    """
    wanted = {f"package/lib/{folder}/index.js": folder for folder in folders}
    found: dict[str, Schema] = {}
    with tarfile.open(package) as archive:
        for member in archive:
            if member.name in wanted:
                file = archive.extractfile(member)
                assert file is not None
                found[wanted[member.name]] = Source(typescript(file.read().decode())).schema()
    return found


def typescript(javascript: str) -> str:
    """The source that a file's own map holds. Raises: UnreadableSchema."""
    _, mark, encoded = javascript.rpartition(_MAP)
    if not mark:
        raise UnreadableSchema("a module has no source map")
    return str(json.loads(base64.b64decode(encoded))["sourcesContent"][0])


class Source:
    """One module of the package: a resource, a data source, or the provider itself."""

    def __init__(self, text: str) -> None:
        starts = list(_CLASS.finditer(text))
        ends = [start.start() for start in starts[1:]] + [len(text)]
        self._classes = {start[1]: text[start.end() : end] for start, end in zip(starts, ends, strict=True)}
        self._blocks = dict(_functions(text))
        self._main = next(
            (start[1] for start in starts if start[2] in ("TerraformResource", "TerraformDataSource")),
            next((start[1] for start in starts if start[2] == "TerraformProvider"), ""),
        )
        if not self._main:
            raise UnreadableSchema("a module has no resource")

    def schema(self) -> Schema:
        """The schema of the module's resource."""
        body = self._classes[self._main]
        return self._schema(body, dict(_IS_BLOCK.findall(body)))

    def _nested_schema(self, stem: str) -> Schema:
        if f"{stem}OutputReference" not in self._classes:
            raise UnreadableSchema(f"no class for {stem}")
        return self._schema(self._classes[f"{stem}OutputReference"], self._blocks.get(_lower(stem), {}))

    def _schema(self, body: str, is_block: dict[str, str]) -> Schema:
        schema: Schema = {"attributes": {}, "blocks": {}}
        for name, computed, optional, required, rest in _FLAGS.findall(body):
            if _PROVIDERS_BLOCK.search(rest):
                continue
            flags = {"computed": computed == "true", "optional": optional == "true"}
            flags["required"] = required == "true"
            nested = self._nested(rest)
            if nested and is_block.get(name) == "true":
                schema["blocks"][name] = self._block(nested, required=flags["required"])
            else:
                kind = self._object_type(nested) if nested else _type(rest)
                schema["attributes"][name] = {"type": kind, **flags}
        return schema

    def _block(self, nested: _Nested, *, required: bool) -> dict[str, Any]:
        block = self._nested_schema(nested.stem)
        if nested.stem.endswith("Timeouts") and not nested.many:
            return {"nesting": "single", "min": 0, "max": 0, "block": block}
        nesting = "set" if nested.is_set else "list"
        return {"nesting": nesting, "min": int(required), "max": 0 if nested.many else 1, "block": block}

    def _nested(self, rest: str) -> _Nested | None:
        """What a `private _x = new …` makes, unless that is a plain map."""
        found = _NESTED.search(rest)
        if found is None or found[1].startswith("cdktf."):
            return None
        stem = re.sub(r"(?:List|Map|OutputReference)$", "", found[1])
        return _Nested(stem, found[1].endswith("List"), found[2] == "true")

    def _object_type(self, nested: _Nested) -> Any:
        """Objects that are no blocks: an attribute whose type is a list or a set of them."""
        inner = self._nested_schema(nested.stem)
        fields = {name: one["type"] for name, one in inner["attributes"].items()}
        for name, one in inner["blocks"].items():
            fields[name] = ["list", _as_object(one["block"])]
        return ["set" if nested.is_set else "list", ["object", fields]]


def _functions(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each nested block's function, with which of its arguments are blocks."""
    starts = list(_MANY.finditer(text))
    for start in starts:
        end = text.find("\n}\n", start.end())
        yield start[1], dict(_IS_BLOCK.findall(text[start.end() : end]))


def _as_object(schema: Schema) -> Any:
    fields = {name: one["type"] for name, one in schema["attributes"].items()}
    fields |= {name: ["list", _as_object(one["block"])] for name, one in schema["blocks"].items()}
    return ["object", fields]


def _type(rest: str) -> Any:
    """The type of a plain attribute, from its declaration and its getter. Raises: UnreadableSchema."""
    if static := re.search(r"new (cdktf\.\w+)\(this", rest):
        return _STATIC[static[1]]
    declared = re.search(r"private _\w+\??: ([^;]+);", rest)
    if declared:
        return _declared(declared[1].replace(" | cdktf.IResolvable", "").strip(" ()"), rest)
    getter = re.search(r"this\.get(\w+?)(Map|List)?Attribute\(", rest)
    if getter is None:
        raise UnreadableSchema(f"an attribute is declared as {rest.strip()!r}")
    if getter[1] == "List":
        return ["set" if "Fn.tolist" in rest else "list", "string"]
    kind = _GETTERS[getter[1]]
    collection = {"Map": "map", "List": "set" if "Fn.tolist" in rest else "list"}.get(getter[2] or "")
    return [collection, kind] if collection else kind


def _declared(text: str, rest: str) -> Any:
    plain = {"string": "string", "number": "number", "boolean": "bool"}
    plain |= {"{ [key: string]: any }": "dynamic"}
    if text in plain:
        return plain[text]
    if found := re.fullmatch(r"\{ \[key: string\]: \(?(string|number|boolean)\)? ?\}", text):
        return ["map", plain[found[1]]]
    if found := re.fullmatch(r"(?:Array<)?\(?(string|number|boolean)\)?(?:\[\]|>)", text):
        return ["set" if "Fn.tolist" in rest else "list", plain[found[1]]]
    raise UnreadableSchema(f"an attribute is declared as {text!r}")


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]
