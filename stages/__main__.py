"""`python -m stages`: the same as `dvc repro`, with the two trainings side by side.

Each training uses one core. DVC runs one stage after the other, so this starts two DVC processes,
one for each training, once what both depend on is up to date (`dvc repro --single-item`).
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path

from experiment.parameters import load_parameters
from experiment.support.errors import InputError, one_line_errors
from experiment.variants import VARIANTS
from stages.check import check_parameters
from stages.summary import format_summary
from stages.surroundings import describe_lock, make_environment

TRAININGS = tuple(f"train_{variant}" for variant in VARIANTS)
# DVC's global options: another DVC process holds its lock for a moment at most.
DVC = (sys.executable, "-m", "dvc", "--wait-for-lock")

# What DVC says besides which stages run. It is not asked to be quiet: it would hide errors, too.
CHATTER = re.compile(
    r"Stage '.*' didn't change, skipping$|(Generating|Updating) lock file |Use `dvc push` to "
    r"|To track the changes with git, run:|\tgit add |To enable auto staging, run:"
    r"|\tdvc config core.autostage true|Data and pipelines are up to date|$"
)
FAILED = re.compile(r"failed to run: python -m stages\.(.+), exited with (-?\d+)")
# Statuses of stages that say themselves why they end; see `one_line_errors`.
SAID = {128 + n for n in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGTERM)}


def main() -> None:
    """Bring every stage up to date; show the results."""
    with one_line_errors("repro"):
        if not Path("dvc.yaml").is_file():
            raise InputError("expected dvc.yaml in this folder; run at the top of the repository")
        with one_line_errors("check"):  # DVC takes the data set's name in dvc.yaml from params.yaml
            check_parameters()
        run_stages()
        print(f"\n{format_summary(load_parameters())}")


def run_stages() -> None:
    """Run what is out of date: the trainings side by side where there is a processor for each."""
    print("DVC looks for what is out of date: seconds; half a minute the first time", flush=True)
    # Where a parameter is missing it fails, too: the stage that fails next says it better.
    with suppress(InputError):
        run_dvc(["status", "--quiet", "dvc.yaml"])
        print("Everything is up to date: the results belong to this code and params.yaml.")
        return
    run_dvc(["repro", "preprocess"])
    print("`make watch` in another terminal shows the curves while they grow", flush=True)
    processors = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        processors = len(os.sched_getaffinity(0))
    if processors > 1:
        run_dvc(*(["repro", "--single-item", name] for name in TRAININGS))
    run_dvc(["repro"])


def run_dvc(*commands: Sequence[str]) -> None:
    """Run DVC's commands side by side; raise InputError if one fails.

    The first that fails ends the others, and a stop of this process ends all. Each is in a process
    group of its own, so that a stop reaches the stage's command too: DVC itself ignores an
    interrupt while a command runs.
    """
    started, said = time.time(), None
    processes, waiting = list[subprocess.Popen[str]](), set[Future[None]]()
    with ThreadPoolExecutor() as pool:
        try:
            for command in commands:
                process = subprocess.Popen(
                    [*DVC, *command],
                    env=make_environment(),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    encoding="utf-8",
                    errors="replace",
                )
                processes.append(process)
                waiting.add(pool.submit(show_output, process, command))
            while waiting:
                done, waiting = wait(waiting, 2, FIRST_EXCEPTION)
                for output in done:
                    output.result()
                holder = describe_lock(started)
                if holder and holder != said:
                    print(f"repro: waiting for {holder}", file=sys.stderr)
                said = holder
        finally:
            stop(*processes)


def show_output(process: "subprocess.Popen[str]", command: Sequence[str]) -> None:
    """Show what DVC prints, without its chatter, until it ends; raise InputError if it fails."""
    output = ""
    with process:
        for line in process.stdout or ():
            output += line
            if not CHATTER.match(line):
                print(line, end="", flush=True)
    if process.returncode:
        raise InputError(
            f"dvc {' '.join(command)} failed; {find_reason(output, process.returncode)}"
        )


def find_reason(output: str, status: int) -> str:
    """Say why DVC failed, by what it printed and its status."""
    if "is not a git repository" in output:
        return "DVC needs Git: clone the repository, or run `git init` here"
    stage = FAILED.search(output)
    code = int(stage[2]) if stage else status
    # As Python says it, or, where DVC's shell starts the command and waits (dash), as shells do.
    number = code - 128 if code > 128 else -code
    if number not in {*signal.Signals} or code in SAID:
        return "the reason is above"
    cause = "a fault in a library or in the machine, or a limit (`ulimit -a`)"
    if number == signal.SIGKILL:
        cause = "lack of memory; free some, or run `dvc repro`, which trains one network at a time"
    name = signal.Signals(number).name
    return f"{stage[1] if stage else 'DVC'} was ended by {name}, most likely for {cause}"


def stop(*processes: "subprocess.Popen[str]") -> None:
    """End processes with all that they started: ask first, insist after 10 seconds.

    A DVC process that is asked just as it starts a command ends without waiting for it, and the
    command was not there to be asked. It is what the group still holds when DVC has ended.
    """
    running = [process for process in processes if process.poll() is None]
    for process in running:
        with suppress(ProcessLookupError):  # it has just ended
            os.killpg(process.pid, signal.SIGINT)
    for process in running:
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with suppress(ProcessLookupError):  # the group is empty, as it nearly always is
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    main()
