"""The schema providers as processes that stay: Terraform would otherwise start each a dozen times a test.

Source: https://developer.hashicorp.com/terraform/plugin/debugging#starting-a-provider-in-debug-mode
"""

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from tests.infra.offline.install import HOME, PACKAGES, VERSION, NotInstalled

READY_S: Final = 30.0
_CONFIGURATION: Final = re.compile(r"TF_REATTACH_PROVIDERS='(.*)'")


@contextmanager
def running(env: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The environment in which Terraform talks to the processes; they end with the block, or with us.

    Raises: NotInstalled.
    """
    processes = {package.provider: _start(package.provider) for package in PACKAGES}
    try:
        told = {_address(provider): _reattach(process) for provider, process in processes.items()}
        yield {**env, "TF_REATTACH_PROVIDERS": json.dumps(told)}
    finally:
        for process in processes.values():
            process.send_signal(signal.SIGINT)
            process.communicate()


def _address(provider: str) -> str:
    return f"registry.terraform.io/hashicorp/{provider}"


def _start(provider: str) -> subprocess.Popen[str]:
    places = HOME / "mirror" / _address(provider) / VERSION
    [executable] = places.glob(f"*/terraform-provider-{provider}_v{VERSION}")
    return subprocess.Popen(
        [str(executable), "--dev"],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        # It ends when this does: so it does not outlive a test run that is killed.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _reattach(process: subprocess.Popen[str]) -> dict[str, Any]:
    """How to reach the process, as it says it itself. Raises: NotInstalled."""
    watch = threading.Timer(READY_S, process.kill)
    watch.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := _CONFIGURATION.search(line):
                [told] = json.loads(found[1]).values()
                return dict(told)
    finally:
        watch.cancel()
    raise NotInstalled("no schema provider: it ended before it was ready")
