"""cloudbuild.yaml as Cloud Build reads it: substitutions filled in, steps in the order of `waitFor`."""

from collections.abc import Iterator
from typing import Any

import yaml

from tests.build.programs import Ended, World, environment
from tests.conftest import ROOT

PATH = ROOT / "cloudbuild.yaml"
BUILTIN = {"PROJECT_ID": "a-project", "BUILD_ID": "b-1"}
TOOLS = "scripts/deploy/tools.sh"


def build_file() -> dict[str, Any]:
    """The file."""
    found: dict[str, Any] = yaml.safe_load(PATH.read_text())
    return found


def steps(build: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each step after those that it waits for. Raises: AssertionError for one that waits for ever."""
    left, done = list(build["steps"]), {"-"}
    while left:
        ready = next((step for step in left if set(step["waitFor"]) <= done), None)
        assert ready, f"these wait for ever: {[step['id'] for step in left]}"
        left.remove(ready)
        done.add(ready["id"])
        yield ready


def run(world: World, **substitutions: str) -> Ended:
    """Every step in order until one fails; those that only take tools out of other images are left out."""
    build = build_file()
    values = {**BUILTIN, **build["substitutions"], **{f"_{k}": v for k, v in substitutions.items()}}
    env = environment(build["options"]["env"], values)
    ended, printed = Ended(0, ""), ""
    for step in steps(build):
        if step["args"][0] == TOOLS:
            continue
        ended = world.run(step["entrypoint"], *step["args"], **env)
        printed += ended.printed
        if ended.code:
            break
    return Ended(ended.code, printed)
