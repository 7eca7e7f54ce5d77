"""Which runs of the pipeline or the study are at work in a folder."""

from collections.abc import Sequence
from pathlib import Path

import psutil


def find_runs(folder: Path) -> list[psutil.Process]:
    """The processes of `make repro`, `make study`, `dvc repro` and `dvc exp run` in a folder."""
    return [
        process
        for process in psutil.process_iter(["cwd", "cmdline"])
        if process.info["cwd"] == str(folder)
        and is_run(process.info["cmdline"] or ())
        and is_at_work(process)
    ]


def is_run(command: Sequence[str]) -> bool:
    """Whether a command line runs the pipeline, a stage of it, or the study."""
    if "-m" in command[:-1]:
        module = command[command.index("-m") + 1].partition(".")[0]
        if module in ("stages", "study"):
            return True
    names = {Path(argument).stem for argument in command}
    return "dvc" in names and not {"repro", "run"}.isdisjoint(command)


def is_at_work(process: psutil.Process) -> bool:
    """Whether a process that was found has not ended."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
