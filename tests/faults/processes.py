"""Stages and DVC as a user starts them, with a fault injected."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from tests.conftest import environment_of_stages

INJECTED = Path(__file__).parent / "injected"
PATIENCE = 300  # seconds


@dataclass(frozen=True)
class Done:
    status: int
    output: str


def start(folder: Path, *command: str, **variables: str) -> "subprocess.Popen[str]":
    """Starts `python -m command` in a folder, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=folder,
        # Without coverage, which writes files of its own: the faults would hit them too.
        env=environment_of_stages(**{"PYTHONPATH": str(INJECTED)} | variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )


def finish(process: "subprocess.Popen[str]", patience: float = PATIENCE) -> Done:
    """What a process ended with, once it and all that it started have ended."""
    output, _ = process.communicate(timeout=patience)
    return Done(process.returncode, output)


def run(folder: Path, *command: str, **variables: str) -> Done:
    """Runs `python -m command` in a folder to its end."""
    return finish(start(folder, *command, **variables))


def wait_until(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Polls for a condition that a process brings about."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"it did not come to that: {process.communicate()[0]}")
        time.sleep(0.02)


def good(done: Done) -> Done:
    assert done.status == 0, done.output
    return done


def forget(folder: Path, *stages: str) -> None:
    """DVC is to know nothing of an earlier run of these stages: `dvc repro` must run them."""
    shutil.rmtree(folder / ".dvc/cache/runs", ignore_errors=True)
    yaml, path = YAML(), folder / "dvc.lock"
    content = yaml.load(path.read_text(encoding="utf-8"))
    for stage in stages:
        del content["stages"][stage]
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(content, file)


def unfinished(folder: Path) -> list[str]:
    """Half files, under the name that the writers give them."""
    return sorted(path.name for path in folder.rglob(".*.unfinished.*"))
