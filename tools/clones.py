"""Temporary clones of the last commit, and programs that run in them."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from resource import struct_rusage
from typing import IO

from ruamel.yaml import YAML

from experiment.support.errors import InputError, wrong
from gate.errors import CannotCompareError
from gate.git import environment_without_repository, git


@contextmanager
def open_clone(repository: Path) -> Iterator[Path]:
    """Clone the last commit, with an empty DVC cache of its own, and delete the clone afterwards.

    Takes and yields the folder of dvc.yaml, which may be below the top of the repository.

    Raises:
        InputError: there is no pipeline or no commit.
    """
    if not (repository / "dvc.yaml").is_file():
        raise wrong("dvc.yaml", "a pipeline", "no such file", "run this in the folder that has it")
    with tempfile.TemporaryDirectory(prefix="clone-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        try:
            git(repository, "rev-parse", "--verify", "HEAD")
            if git(repository, "status", "--porcelain"):
                print("What is not committed is left out.", file=sys.stderr)
            top = git(repository, "rev-parse", "--show-toplevel")
            clone = folder / "clone" / git(repository, "rev-parse", "--show-prefix")
            git(folder, "clone", "--quiet", top, "clone")
        except CannotCompareError as error:
            raise InputError(str(error)) from None
        # From a cache that the repository or the user names, DVC would restore what is to be made.
        config = f'[cache]\n    dir = "{folder / "cache"}"\n'
        (clone / ".dvc/config.local").write_text(config, encoding="utf-8")
        yield clone


def run(
    command: tuple[str, ...], folder: Path, output: IO[str] | None = None
) -> tuple[int, struct_rusage]:
    """Run this Python with arguments; what ends this process ends all that it started, too.

    Returns:
        The status, and the resources that the process and its descendants used.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = environment_without_repository() | {"PATH": path}
    # In a session of its own, so that Ctrl-C reaches it once, below.
    process = subprocess.Popen(
        [sys.executable, *command], cwd=folder, env=environment, stdout=output, stderr=output,
        start_new_session=True,
    )  # fmt: skip
    try:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, usage
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()
                os.killpg(process.pid, signal.SIGKILL)  # what it has left in its session


def set_parameters(folder: Path, **values: object) -> None:
    """Change `section__key=value` in the folder's params.yaml."""
    yaml, path = YAML(), folder / "params.yaml"
    content = yaml.load(path)
    for name, value in values.items():
        section, key = name.split("__")
        content[section][key] = value
    yaml.dump(content, path)
