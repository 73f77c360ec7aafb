"""What a Dockerfile says, as far as ours goes: stages of instructions, line continuations, comments."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Instruction(NamedTuple):
    """`COPY shared /app/shared` is ("COPY", "shared /app/shared")."""

    name: str
    value: str


class Copy(NamedTuple):
    """A COPY out of the build context: paths below it, and where in the image they go."""

    sources: tuple[str, ...]
    target: str


Stage = list[Instruction]


def stages(path: Path) -> list[Stage]:
    """The stages in order; what stands before the first FROM belongs to none."""
    found: list[Stage] = []
    for instruction in _instructions(path.read_text()):
        if instruction.name == "FROM":
            found.append([])
        if found:
            found[-1].append(instruction)
    return found


def _instructions(text: str) -> Iterator[Instruction]:
    # Docker drops comment lines inside of a continued line too.
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        if line.strip():
            name, _, value = line.strip().partition(" ")
            yield Instruction(name.upper(), " ".join(value.split()) if name != "CMD" else value)


def copied(stage: Stage) -> list[Copy]:
    """What comes out of the context; `COPY --from` does not."""
    wanted = [i.value.split() for i in stage if i.name == "COPY" and not i.value.startswith("--")]
    return [Copy(tuple(words[:-1]), words[-1]) for words in wanted]


def taken(stage: Stage) -> list[str]:
    """The places that `COPY --from=build /x /x` takes; both sides are the same in our file."""
    return [i.value.split()[-1] for i in stage if i.name == "COPY" and i.value.startswith("--from")]


def environment(stage: Stage, path: str) -> dict[str, str]:
    """The variables that ENV sets; `path` is the base image's own PATH."""
    pairs = [pair for i in stage if i.name == "ENV" for pair in i.value.split()]
    return {name: value.replace("$PATH", path) for name, _, value in (p.partition("=") for p in pairs)}


def command(stage: Stage) -> list[str]:
    """CMD, in its form without a shell."""
    words = json.loads(one(stage, "CMD"))
    return [str(word) for word in words]


def one(stage: Stage, name: str) -> str:
    """The value of an instruction that a stage has once."""
    [value] = [i.value for i in stage if i.name == name]
    return value
