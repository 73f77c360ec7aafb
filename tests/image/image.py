"""The image without Docker: what the Dockerfile says is done below a folder, by the same shell commands.

Its COPY and RUN lines are read, not repeated, so the two cannot drift. Not covered: the base image itself
(the interpreter is this machine's), and what only a container has (its network, its memory limit).
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.image import dockerfile
from tests.image.context import Ignore, sent

# Of the base image. Source: the Dockerfile of python:3.11-slim
BASE_PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"


class Image(NamedTuple):
    """What was built: where `/venv` and `/app` are here, and how the container would start."""

    places: Mapping[str, Path]
    environment: Mapping[str, str]
    command: list[str]
    folder: Path
    uid: int

    @property
    def packages(self) -> Path:
        """The site-packages of the image."""
        [folder] = self.places["/venv"].glob("lib/python*/site-packages")
        return folder


@contextlib.contextmanager
def built(root: Path, cache: Path) -> Iterator[Image]:
    """The image of a working tree. What its first RUN makes is kept in `cache` until its inputs change;
    the code is copied anew, is read-only, and goes at the end."""
    build, final = dockerfile.stages(root / "Dockerfile")
    ignore = Ignore((root / ".dockerignore").read_text())
    first = next(i for i, instruction in enumerate(build) if instruction.name == "RUN")
    kept = cache / _key(root, build[: first + 1], ignore)
    app = kept / f"app-{os.getpid()}"
    places = {"/venv": kept / "venv", "/build": kept / "build", "/app": app}
    try:
        with _held(kept, fcntl.LOCK_EX):
            if not (kept / "done").exists():
                _do(root, build[: first + 1], places, ignore)
                (kept / "done").touch()
        with _held(kept, fcntl.LOCK_SH):
            _forget_others(kept)
            _do(root, build[first + 1 :], places, ignore)
            _read_only(app)
            yield _image(final, places)
    finally:
        _remove(app)


def _image(final: dockerfile.Stage, places: Mapping[str, Path]) -> Image:
    environment = dockerfile.environment(final, BASE_PATH)
    user = next(i.value for i in final if i.name == "RUN" and "useradd" in i.value)
    return Image(
        {place: places[place] for place in dockerfile.taken(final)},
        {name: _placed(value, places) for name, value in environment.items()}
        | _loader(places["/build"] / "base"),
        dockerfile.command(final),
        Path(_placed(dockerfile.one(final, "WORKDIR"), places)),
        int(re.findall(r"--uid (\d+)", user)[0]),
    )


def _key(root: Path, build: dockerfile.Stage, ignore: Ignore) -> str:
    """Changes with everything that the kept part is made of."""
    files = [
        path for copy in dockerfile.copied(build) for s in copy.sources for path in sent(root, s, ignore)
    ]
    inputs = [repr(build), sys.version, *((root / path).read_text() for path in files)]
    return hashlib.sha256("\0".join(inputs).encode()).hexdigest()[:16]


@contextlib.contextmanager
def _held(folder: Path, how: int) -> Iterator[None]:
    """Alone to build here, shared to use what was built. Raises: BlockingIOError with LOCK_NB."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, how)
        yield


def _forget_others(kept: Path) -> None:
    """What was built of other pins and is used by nobody now goes."""
    for other in kept.parent.iterdir():
        if other != kept:
            with contextlib.suppress(BlockingIOError), _held(other, fcntl.LOCK_EX | fcntl.LOCK_NB):
                _remove(other)


def _do(root: Path, build: dockerfile.Stage, places: Mapping[str, Path], ignore: Ignore) -> None:
    for instruction in build:
        if instruction.name == "COPY":
            [copy] = dockerfile.copied([instruction])
            _copy(root, copy, places, ignore)
        if instruction.name == "RUN":
            _run(_placed(instruction.value, places), places["/build"])


def _copy(root: Path, copy: dockerfile.Copy, places: Mapping[str, Path], ignore: Ignore) -> None:
    target = Path(_placed(copy.target, places))
    for source in copy.sources:
        for path in sent(root, source, ignore):
            inside = copy.target.endswith("/")
            to = target / path.name if inside else target / path.relative_to(source)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / path, to)


def _run(shell: str, build: Path) -> None:
    """A RUN line as it stands; `python` is the base image's, here the one that made this environment."""
    tools, base = build / "bin", build / "base"
    tools.mkdir(parents=True, exist_ok=True)
    # Not a link: the interpreter finds its library by where it lies.
    (tools / "python").write_text(f'#!/bin/sh\nexec "{_interpreter(base)}" "$@"\n')
    (tools / "python").chmod(0o755)
    told = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "HTTP"))}
    env = {**told, "PATH": f"{tools}:{BASE_PATH}", "HOME": os.environ.get("HOME", "/"), **_loader(base)}
    done = subprocess.run(["/bin/sh", "-c", shell], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"RUN {shell}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def _interpreter(base: Path) -> Path:
    """This interpreter; a copy in `base` where root's own lies in a folder that nobody else may enter."""
    real = Path(sys.executable).resolve()
    if os.geteuid() != 0 or open_to_all(real):
        return real
    library = Path(os.__file__).parent
    copy = base / "bin" / real.name
    if not copy.exists():
        needless = shutil.ignore_patterns("site-packages", "test", "idlelib", "tkinter", "__pycache__")
        shutil.copytree(library, base / "lib" / library.name, ignore=needless)
        for shared in library.parent.glob("libpython*.so*"):
            shutil.copy2(shared, base / "lib")
        copy.parent.mkdir(parents=True)
        shutil.copy2(real, copy)
    return copy


def _loader(base: Path) -> dict[str, str]:
    """Where a copied interpreter finds its own shared library, rather than another one's."""
    return {"LD_LIBRARY_PATH": str(base / "lib")} if list(base.glob("lib/libpython*")) else {}


def open_to_all(path: Path) -> bool:
    """Whether everybody may reach a file."""
    return all(parent.stat().st_mode & 0o001 for parent in path.parents)


def _placed(text: str, places: Mapping[str, Path]) -> str:
    """The image's paths as this machine's."""
    roots = "|".join(re.escape(place) for place in places)
    return re.sub(rf"(?<![\w./-])({roots})(?![\w-])", lambda found: str(places[found[1]]), text)


def _read_only(top: Path) -> None:
    for folder, _, names in os.walk(top):
        for path in (Path(folder), *(Path(folder) / name for name in names)):
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222 | 0o444)


def _remove(top: Path) -> None:
    for folder, _, _ in os.walk(top):
        Path(folder).chmod(0o755)
    shutil.rmtree(top, ignore_errors=True)
