"""The build context: which files of the working tree Docker would be sent, by .dockerignore.

Source: https://docs.docker.com/build/concepts/context/#dockerignore-files
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


class Ignore:
    """The patterns of a .dockerignore: the last that matches a path, or a folder above it, decides."""

    def __init__(self, text: str) -> None:
        lines = [line.strip() for line in text.splitlines()]
        patterns = [line for line in lines if line and not line.startswith("#")]
        self._rules = [(not p.startswith("!"), _regex(p.removeprefix("!"))) for p in patterns]

    def drops(self, path: str) -> bool:
        """Whether this file (a path below the root, with `/`) stays out of the context."""
        folders = [str(parent) for parent in PurePosixPath(path).parents][:-1]
        dropped = False
        for drops, rule in self._rules:
            if any(rule.fullmatch(part) for part in (path, *folders)):
                dropped = drops
        return dropped


def _regex(pattern: str) -> re.Pattern[str]:
    """`*` and `?` stop at `/`, `**` does not; `**/` may be nothing."""
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.strip("/"))
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(words.get(piece, re.escape(piece)) for piece in pieces))


def sent(root: Path, source: str, ignore: Ignore) -> Iterator[Path]:
    """The files below `source` that are in the context, as paths below `root`."""
    top = root / source
    found = [Path(folder) / name for folder, _, names in os.walk(top) for name in names]
    for path in [top] if top.is_file() else sorted(found):
        below = path.relative_to(root)
        if not ignore.drops(below.as_posix()):
            yield below
