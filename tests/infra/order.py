"""What Terraform makes before what: by the names and the `depends_on` of a plan's configuration."""

from collections.abc import Iterator
from typing import Any

from tests.infra.terraform import Plan


def waits_for(plan: Plan) -> dict[str, set[str]]:
    """Resource to all that is made before it, near and far, as far as no local value stands between."""
    root = plan.told["configuration"]["root_module"]
    named = {one["address"]: set(_references(one)) for one in root["resources"] if one["mode"] == "managed"}
    for module in root.get("module_calls", {}).values():
        # What a module is given, each of its resources waits for only as far as it uses it.
        first = set(module.get("depends_on", ()))
        named |= {f"of a module: {one['address']}": first for one in module["module"]["resources"]}
    return {address: _reached(address, named) - {address} for address in named}


def _reached(address: str, named: dict[str, set[str]]) -> set[str]:
    """All that a resource waits for, near and far."""
    found, open_ = set[str](), {address}
    while open_:
        found |= open_
        open_ = {name for one in open_ for name in named.get(one, ())} - found
    return found


def _references(node: Any) -> Iterator[str]:
    """The resources that a part of a configuration names."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("references", "depends_on"):
                yield from (".".join(name.split("[")[0].split(".")[:2]) for name in value)
            elif key != "module":
                yield from _references(value)
    elif isinstance(node, list):
        for one in node:
            yield from _references(one)
