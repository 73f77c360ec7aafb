"""Small true fakes of docker, gcloud, terraform, python3 and make, for scripts that find them on PATH.

They share one world, a folder: `journal` (each call, a line), `live` (the image that was applied last),
`pushed` (what the registry has), `bad` (images whose smoke tests fail), `fails` (calls that fail: a prefix of
a journal line, once each).
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

NAMES = ("docker", "gcloud", "terraform", "python3", "make")
DIGEST = "sha256:" + "1" * 64
PROGRAM = """#!{python}
import os, re, sys
from pathlib import Path

world, name, given = Path({world!r}), Path(sys.argv[0]).name, sys.argv[1:]
call = " ".join([name, *given])
read = lambda file: (world / file).read_text() if (world / file).exists() else ""


def write(file, text, mode="w"):
    with (world / file).open(mode) as out:
        out.write(text)


write("journal", call + "\\n", "a")
for prefix in read("fails").splitlines():
    if call.startswith(prefix):
        write("fails", read("fails").replace(prefix + "\\n", "", 1))
        sys.exit(f"{{name}}: failed as it was told to")


def option(name):
    return next((word.split("=", 2)[-1] for word in given if word.startswith(name)), "")


def terraform():
    words = [word for word in given if not word.startswith("-chdir")]
    image = option("-var=image=")
    if image and not re.search("@sha256:[0-9a-f]{{64}}$", image):
        sys.exit("Error: Invalid value for variable: set image to a reference with a digest")
    if words[0] == "plan":
        Path(option("-out=")).write_text(image)
    if words[0] == "show":
        print(f"image = {{Path(words[-1]).read_text()}}")
    if words[0] == "apply":
        write("live", image or Path(words[-1]).read_text())
        write("applied", (image or Path(words[-1]).read_text()) + "\\n", "a")
    if words[:2] == ["output", "-json"]:
        print('{{"image": {{"value": "' + read("live") + '"}}}}' if read("live") else "{{}}")
    if words[:2] == ["output", "-raw"]:
        sys.stdout.write({{"image": read("live"), "gateway_url": "https://gateway.example"}}[words[2]])


def docker():
    if given[0] == "push":
        write("pushed", given[1])
    if given[0] == "inspect":
        if read("pushed") != given[-1]:
            sys.exit("no such digest")
        repository = given[-1].rpartition(":")[0]
        print("elsewhere.example/app@sha256:" + "9" * 64)
        print(repository + "@{digest}")


def gcloud():
    if "print-identity-token" in given:
        print("a-token")


def python3():
    write("token", os.environ.get("TOKEN", ""))
    if read("live") in read("bad").splitlines():
        sys.exit(1)


def make():
    write("ci", os.environ.get("CI", ""))


globals()[name]()
"""


class Ended(NamedTuple):
    """How a script ended."""

    code: int
    printed: str


class World:
    """A folder with the fakes on PATH; `live` may be set to what ran before."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.root = folder, root
        self.path = folder / "bin"
        self.path.mkdir(parents=True)
        program = PROGRAM.format(python=sys.executable, world=str(folder), digest=DIGEST)
        for name in NAMES:
            (self.path / name).write_text(program)
            (self.path / name).chmod(0o755)

    def run(self, *command: str, **settings: str) -> Ended:
        """A command as a build step runs it: at the root of the project, with nothing but its settings."""
        env = {
            "PATH": f"{self.path}:/usr/bin:/bin",
            "HOME": os.environ.get("HOME", "/"),
            "DEPLOY_DIR": str(self.folder / "deploy"),
            "TOOLS": str(self.folder / "tools"),
            **settings,
        }
        done = subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True, check=False)
        return Ended(done.returncode, done.stdout + done.stderr)

    def tell(self, **files: str) -> None:
        """Set the world's files: `live`, `bad`, `fails`."""
        for name, text in files.items():
            (self.folder / name).write_text(text)

    def read(self, name: str) -> str:
        """One of the world's files; empty when nothing was written."""
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    @property
    def journal(self) -> list[str]:
        """Every call, in order."""
        return self.read("journal").splitlines()

    def calls(self, *beginnings: str) -> list[str]:
        """Which of these beginnings was called, in order of the calls, each as often as it was."""
        found = [next((b for b in beginnings if call.startswith(b)), "") for call in self.journal]
        return [beginning for beginning in found if beginning]


def environment(pairs: list[str], values: Mapping[str, str]) -> dict[str, str]:
    """The `env` of a build with its substitutions filled in, those within substitutions too."""
    text = "\n".join(pairs)
    for _ in range(3):
        for name, value in values.items():
            text = text.replace(f"${{{name}}}", value)
    return dict(line.split("=", 1) for line in text.splitlines())
