"""Stages and DVC as a user starts them, with a fault injected."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import environment_of_stages

INJECTED = Path(__file__).parent / "injected"
PATIENCE = 300  # seconds


@dataclass(frozen=True)
class Done:
    status: int
    output: str


def start(folder: Path, *command: str, **variables: str) -> "subprocess.Popen[str]":
    """Start `python -m command` in a folder, in a process group of its own."""
    # Without coverage, which writes files of its own: the faults would hit them too.
    environment = environment_of_stages(**{"PYTHONPATH": str(INJECTED)} | variables)
    return subprocess.Popen(
        [sys.executable, "-m", *command], cwd=folder, env=environment, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
    )  # fmt: skip


def finish(process: "subprocess.Popen[str]", patience: float = PATIENCE) -> Done:
    """Return what a process ended with, once it and all that it started have ended."""
    output, _ = process.communicate(timeout=patience)
    return Done(process.returncode, output)


def run(folder: Path, *command: str, **variables: str) -> Done:
    """Run `python -m command` in a folder to its end."""
    return finish(start(folder, *command, **variables))


def wait_until(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Poll for a condition that a process brings about."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"it did not come to that: {process.communicate()[0]}")
        time.sleep(0.02)


def good(done: Done) -> Done:
    assert done.status == 0, done.output
    return done


def unfinished(folder: Path) -> list[str]:
    """Return the names of half files, as the writers give them."""
    return sorted(path.name for path in folder.rglob(".*.unfinished.*"))
