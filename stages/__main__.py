"""`python -m stages`: the same as `dvc repro`, with the two trainings side by side.

Each training uses one core. DVC runs one stage after the other, so this starts two DVC processes,
one for each training, once what both depend on is up to date (`dvc repro --single-item`).
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

from experiment.parameters import load_parameters
from experiment.variants import VARIANTS
from stages.summary import summary

TRAININGS = tuple(f"train_{variant}" for variant in VARIANTS)
# DVC's global options: another DVC process holds its lock for a moment at most.
DVC = (sys.executable, "-m", "dvc", "--wait-for-lock")

# What DVC says besides which stages run. It is not asked to be quiet: it would hide errors, too.
CHATTER = re.compile(
    r"Stage '.*' didn't change, skipping$|(Generating|Updating) lock file |Use `dvc push` to "
    r"|To track the changes with git, run:|\tgit add |To enable auto staging, run:"
    r"|\tdvc config core.autostage true|$"
)


def main() -> None:
    """Brings every stage up to date; status 0, or that of the first stage that failed."""
    for number in {signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}:  # not on Windows
        signal.signal(number, _interrupt)
    if not Path("dvc.yaml").is_file():
        sys.exit("repro: expected dvc.yaml in this folder; run at the top of the repository")
    try:
        if _changed("dvc.yaml") == {}:  # the study has a pipeline of its own
            print("Everything is up to date: the results are those of this code and params.yaml.")
        else:
            _bring_up_to_date()
    except KeyboardInterrupt:
        sys.exit("repro: interrupted; every stage that had started was stopped")
    print(f"\n{summary(load_parameters())}")


def _bring_up_to_date() -> None:
    _run_together([("repro", "preprocess")])
    stale = [name for name in TRAININGS if name in _changed(*TRAININGS)]
    if stale:
        print("`make watch` in another terminal shows the curves while they grow", flush=True)
    if len(stale) > 1 and (os.cpu_count() or 1) > 1:
        _run_together([("repro", "--single-item", name) for name in stale], side_by_side=True)
    _run_together([("repro",)])


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _changed(*targets: str) -> dict[str, object]:
    """What `dvc status` says of these stages or pipelines: stage to what has changed."""
    command = [*DVC, "status", "--json", *targets]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        # Such as a parameter that is missing: the stage `check` says it better.
        return {"unknown": done.stderr}
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def _run_together(commands: list[tuple[str, ...]], *, side_by_side: bool = False) -> None:
    """Runs DVC commands at once; if one fails or this process is interrupted, stops all.

    Each runs in a process group of its own, so that a stop reaches the stage's command too: DVC
    itself ignores an interrupt while a command runs.

    Args:
        commands: arguments of DVC.
        side_by_side: pass on their errors and progress line by line, too, since two bars cannot
            share a terminal; else those go where this process's own go.
    """
    processes = [
        subprocess.Popen(
            [*DVC, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if side_by_side else None,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        for command in commands
    ]
    readers = [threading.Thread(target=_pass_on, args=(process,)) for process in processes]
    for reader in readers:
        reader.start()
    statuses: list[int | None] = [None]
    try:
        while None in statuses and not any(statuses):
            time.sleep(0.1)
            statuses = [process.poll() for process in processes]
    finally:
        _stop(processes)
        for reader in readers:
            reader.join()
    for command, status in zip(commands, statuses, strict=True):
        if status:
            sys.exit(f"repro: dvc {' '.join(command)} failed; the reason is above")


def _pass_on(process: subprocess.Popen[str]) -> None:
    """Prints what a process prints, whole lines at a time, without DVC's chatter."""
    for line in process.stdout or ():
        if not CHATTER.match(line):
            sys.stdout.write(line)
            sys.stdout.flush()


def _stop(processes: list[subprocess.Popen[str]]) -> None:
    """Ends those still running, with all they started: asks first, insists after 10 seconds.

    A DVC process that is asked just as it starts a command ends without waiting for it, and the
    command was not there to be asked. It is what the group still holds when DVC has ended.
    """
    running = [process for process in processes if process.poll() is None]
    for process in running:
        _signal(process, "SIGINT")
    for process in running:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        with suppress(ProcessLookupError):  # the group is empty, as it nearly always is
            _signal(process, "SIGKILL")
        process.wait()


def _signal(process: subprocess.Popen[str], name: str) -> None:
    if os.name == "posix":
        os.killpg(process.pid, signal.Signals[name])
    else:
        process.terminate()


if __name__ == "__main__":
    main()
