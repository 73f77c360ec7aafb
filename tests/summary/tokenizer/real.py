"""A real tokenizer, the npm package gpt-tokenizer: what the product's estimate is held against.

It brings its tables along, and runs in a process of node's. It is installed once, into `.local/tokenizer`.
"""

import fcntl
import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

_HERE: Final = Path(__file__).parent
HOME: Final = _HERE.parent.parent.parent / ".local" / "tokenizer"
ENCODINGS: Final = ("o200k_base", "cl100k_base")
_FILES: Final = ("package.json", "package-lock.json", "count.js")


class Tokenizer:
    """Counts the tokens of texts."""

    def __init__(self, asks: IO[str], answers: IO[str]) -> None:
        self._asks, self._answers = asks, answers

    def counts(self, texts: Sequence[str], encoding: str = ENCODINGS[0]) -> list[int]:
        """How many tokens each text has."""
        self._asks.write(json.dumps({"encoding": encoding, "texts": list(texts)}) + "\n")
        self._asks.flush()
        counts: list[int] = json.loads(self._answers.readline())
        return counts

    def count(self, text: str, encoding: str = ENCODINGS[0]) -> int:
        """How many tokens a text has."""
        return self.counts([text], encoding)[0]

    def most(self, text: str) -> int:
        """In the encoding that makes most of it."""
        return max(self.count(text, encoding) for encoding in ENCODINGS)


def installed() -> bool:
    """Whether it can run: it is there, or is now, in the version that the lock file pins."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return False
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        # Workers of one test run come here at the same time.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_current():
            _install(npm)
    return _is_current()


def _install(npm: str) -> None:
    for name in _FILES:
        shutil.copyfile(_HERE / name, HOME / name)
    command = [npm, "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run(command, cwd=HOME, capture_output=True, check=False)


def _is_current() -> bool:
    same = all((HOME / name).exists() for name in _FILES) and all(
        (HOME / name).read_bytes() == (_HERE / name).read_bytes() for name in _FILES
    )
    return same and (HOME / "node_modules" / "gpt-tokenizer" / "package.json").exists()


@contextmanager
def tokenizer() -> Iterator[Tokenizer]:
    """Runs until the block ends. Raises: FileNotFoundError when it is not installed."""
    if not installed():
        raise FileNotFoundError("gpt-tokenizer is not installed (node and npm are needed)")
    command = [str(shutil.which("node")), "count.js"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=HOME, stdin=pipe, stdout=pipe, text=True, encoding="utf-8") as process:
        assert process.stdin
        assert process.stdout
        yield Tokenizer(process.stdin, process.stdout)
        process.stdin.close()
