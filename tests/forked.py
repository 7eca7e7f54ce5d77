"""`python -m ...` as a fork of a process that has imported DVC, NumPy and pandas already.

Python takes 1.6 s to start DVC, a fork a hundredth of that. It is a process like another: with a
folder, variables, signals and a status of its own. What Python does with its own variables as it
starts is left out; of these PYTHONPATH alone is heeded.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = str(Path(__file__).parent.parent)
PATIENCE = 600  # seconds

# Not this project's own code, which is that of the folder where a command runs; and not
# matplotlib, which reads settings in that folder when it is imported.
PRELOADED = ("dvc.cli.parser", "dvc.compare", "dvc.data_cloud", "dvc.dependency", "dvc.repo",
             "dvc.repo.checkout", "dvc.repo.commit", "dvc.repo.index", "dvc.repo.reproduce",
             "dvc.repo.scm_context", "dvc.repo.status", "dvc.scm", "dvc.stage.cache",
             "dvc.stage.run", "dvc.utils.strictyaml", "dulwich.repo", "numpy.random", "pandas",
             "pooch", "pydantic.types", "ruamel.yaml", __name__)  # fmt: skip


def possible(variables: Mapping[str, str]) -> bool:
    """Whether a fork shows what a process with these variables, beside the usual ones, would."""
    measured = any(name.startswith("COVERAGE") for name in os.environ)
    there = "forkserver" in multiprocessing.get_all_start_methods()
    of_git = {name for name in variables if name.startswith("GIT_")}  # which Git alone reads
    return there and not measured and variables.keys() - of_git <= {"COLUMNS", "PYTHONPATH"}


def run(
    folder: Path, command: tuple[str, ...], variables: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Runs `python -m command` in a folder, with these variables alone."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload([*PRELOADED])
    with tempfile.TemporaryDirectory() as name:
        outputs = Path(name, "stdout"), Path(name, "stderr")
        process = server.Process(target=_run, args=(folder, command, dict(variables), outputs))
        process.start()
        process.join(PATIENCE)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(command, PATIENCE)
        out, err = (path.read_text(encoding="utf-8") for path in outputs)
    return subprocess.CompletedProcess(command, process.exitcode, out, err)


def _run(
    folder: Path, command: tuple[str, ...], variables: dict[str, str], outputs: tuple[Path, Path]
) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    for number, path in enumerate(outputs, start=1):
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    named = filter(None, variables.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:] = [str(folder), *named, *(path for path in sys.path if path not in ("", ROOT))]
    sys.argv[:] = command
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)
