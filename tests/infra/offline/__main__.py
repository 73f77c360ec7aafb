"""Sets Terraform up to run offline: `python -m tests.infra.offline`. Once; afterwards it takes no time."""

import os
import sys

from tests.infra.offline.install import HOME, ROOT, NotInstalled, install, missing


def say(line: str) -> None:
    """At once: what follows may take a while."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Exit status 1 when something is missing under CI or cannot be set up, else 0."""
    if lack := missing():
        say(f"*** MISSING: {lack}: the checks of infra/ do not run ***")
        return 1 if os.environ.get("CI") == "true" else 0
    if not (HOME / "mirror").exists():
        say(f"Setting up {HOME.relative_to(ROOT)} (once) ...")
    try:
        install(ROOT / "infra")
    except NotInstalled as exc:
        say(f"*** The checks of infra/ cannot run: {exc} ***")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
