"""Find the servers that tests need; install Debian's packages for those it may, when run as root.

What cannot be had is said in one loud line each: its tests are then skipped, and under `CI=true`
that is a failure.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))


class Server(NamedTuple):
    """A program that tests need: how it is found, and the Debian package that brings it, if one may."""

    name: str
    find: Callable[[], object]
    package: str | None = None


def firestore_emulator() -> object:
    """The emulator's jar in an installed Google Cloud SDK."""
    from tests.servers.firestore_emulator import find_jar

    return find_jar()


def tokenizer() -> object:
    """The npm package gpt-tokenizer, which this installs into `.local/` where there is npm."""
    from tests.summary.tokenizer.real import installed

    return installed()


SERVERS = (
    Server("redis-server", lambda: shutil.which("redis-server"), "redis-server"),
    Server("prometheus", lambda: shutil.which("prometheus"), "prometheus"),
    Server("promtool", lambda: shutil.which("promtool"), "prometheus"),
    Server("java", lambda: shutil.which("java")),
    Server("the Firestore emulator", firestore_emulator),
    Server("gpt-tokenizer (npm)", tokenizer),
)


def install(packages: list[str]) -> None:
    """Debian packages, quietly; their services are not started. Failing is told by what is then missing."""
    policy = Path("/usr/sbin/policy-rc.d")
    made = not policy.exists()
    if made:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages]
        for command in (["apt-get", "update", "-q"], install):
            subprocess.run(command, env=env, capture_output=True, check=False)
    finally:
        if made:
            policy.unlink(missing_ok=True)


def main() -> int:
    """Exit status 1 when something is missing under CI, else 0."""
    wanted = sorted({server.package for server in SERVERS if server.package and not server.find()})
    if wanted and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"Installing {', '.join(wanted)} ...", flush=True)
        install(wanted)
    missing = [server for server in SERVERS if not server.find()]
    for server in missing:
        hint = f" (Debian: apt-get install {server.package})" if server.package else ""
        print(f"*** MISSING: {server.name}{hint}: the tests that need it do not run ***", flush=True)
    return 1 if missing and os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())
