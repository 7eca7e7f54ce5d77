"""`python -m stages`: the same as `dvc repro`, with the two trainings side by side.

Each training uses one core. DVC runs one stage after the other, so this starts two DVC processes,
one for each training, once what both depend on is up to date (`dvc repro --single-item`).
"""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path

from experiment.parameters import load_parameters
from experiment.support.errors import InputError, TerminatedError, one_line_errors
from experiment.variants import VARIANTS
from stages.check import check_parameters
from stages.summary import format_summary
from stages.surroundings import count_processors, describe_lock, make_environment

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
CAUSES = {
    signal.SIGKILL: "most likely for lack of memory; free some, or run `dvc repro`, which trains"
    " one network at a time",
    signal.SIGILL: "most likely because this processor, or what emulates it, lacks AVX, which"
    " TensorFlow needs; use another machine",
}
# Statuses of stages that say themselves why they end; see `one_line_errors`.
SAID = {128 + n for n in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGTERM)}
REMEDIES = {
    "is not a git repository": "DVC needs Git: clone the repository, or run `git init` here",
    "Unable to acquire lock": "if no other DVC process works in this folder, run `rm"
    " .dvc/tmp/*lock`",
}


def main() -> None:
    """Bring every stage up to date; show the results."""
    with one_line_errors("repro"):
        if not Path("dvc.yaml").is_file():
            raise InputError("expected dvc.yaml in this folder; run at the top of the repository")
        with one_line_errors("check"):  # DVC takes the data set's name in dvc.yaml from params.yaml
            check_parameters()
        asyncio.run(stop_on_request(run_stages()))
        print(f"\n{format_summary(load_parameters())}")


async def stop_on_request(work: Coroutine[None, None, None]) -> None:
    """Do the work; a request to terminate ends it in order.

    An exception of a signal handler would end whichever callback is at work, with a traceback.

    Raises:
        TerminatedError: there was a request.
    """
    loop, task, asked = asyncio.get_running_loop(), asyncio.current_task(), list[int]()

    def ask(number: int) -> None:
        if task and not asked:
            task.cancel()
        asked.append(number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            loop.add_signal_handler(number, ask, number)
    try:
        await work
    except asyncio.CancelledError:
        if asked:
            raise TerminatedError(asked[0]) from None
        raise


async def run_stages() -> None:
    """Run what is out of date: the trainings side by side where there is a processor for each."""
    if await find_changes("dvc.yaml") == {}:
        print("Everything is up to date: the results are those of this code and params.yaml.")
        return
    await run_dvc("repro", "preprocess")
    changed = await find_changes(*TRAININGS)
    stale = [name for name in TRAININGS if name in changed or "unknown" in changed]
    if stale:
        print("`make watch` in another terminal shows the curves while they grow", flush=True)
    if len(stale) > 1 and count_processors() > 1:
        trainings = [asyncio.create_task(run_dvc("repro", "--single-item", name)) for name in stale]
        try:
            await asyncio.gather(*trainings)
        finally:  # the first that fails stops the others
            for training in trainings:
                training.cancel()
            await asyncio.gather(*trainings, return_exceptions=True)
    await run_dvc("repro")


async def find_changes(*targets: str) -> dict[str, object]:
    """Return what `dvc status` says of these stages or pipelines: stage to what has changed."""
    try:
        text = await run_dvc("status", "--json", *targets, show=False)
        return json.loads(text)  # type: ignore[no-any-return]
    except InputError as error:
        # Such as a parameter that is missing: the stage `check` says it better.
        return {"unknown": error}


async def run_dvc(*arguments: str, show: bool = True) -> str:
    """Run DVC to its end, or end it with all that it started; return what it printed.

    It runs in a process group of its own, so that a stop reaches the stage's command too: DVC
    itself ignores an interrupt while a command runs.

    Args:
        arguments: of DVC.
        show: print each line, without DVC's chatter, and its errors among them.

    Raises:
        InputError: it failed.
    """
    process = await asyncio.create_subprocess_exec(
        *DVC,
        *arguments,
        env=make_environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT if show else asyncio.subprocess.DEVNULL,
        start_new_session=True,
        limit=2**24,
    )
    assert process.stdout  # noqa: S101  # it is a pipe
    waiting = asyncio.create_task(report_waiting())
    lines = []
    try:
        async for content in process.stdout:
            line = content.decode("utf-8", "replace")
            lines.append(line)
            if show and not CHATTER.match(line):
                print(line, end="", flush=True)
        status = await process.wait()
    finally:
        waiting.cancel()
        await stop(process)
    output = "".join(lines)
    if status:
        raise InputError(f"dvc {' '.join(arguments)} failed; {find_reason(output, status)}")
    return output


def find_reason(output: str, status: int) -> str:
    """Say why DVC failed, by what it printed and its status."""
    for text, remedy in REMEDIES.items():
        if text in output:
            return remedy
    stage = FAILED.search(output)
    code = int(stage[2]) if stage else status
    # As Python says it, or, where DVC's shell starts the command and waits (dash), as shells do.
    number = code - 128 if code > 128 else -code
    if number not in {*signal.Signals} or code in SAID:
        return "the reason is above"
    cause = CAUSES.get(signal.Signals(number), "a fault in a library or in the machine")
    return f"{stage[1] if stage else 'DVC'} was ended by {signal.Signals(number).name}, {cause}"


async def report_waiting() -> None:
    """Say who holds DVC's lock, once it has been held for two seconds."""
    said = None
    while True:
        await asyncio.sleep(2)
        holder = describe_lock()
        if holder and holder != said:
            print(f"repro: waiting for {holder}", file=sys.stderr)
        said = holder


async def stop(process: asyncio.subprocess.Process) -> None:
    """End a process with all that it started: ask first, insist after 10 seconds.

    A DVC process that is asked just as it starts a command ends without waiting for it, and the
    command was not there to be asked. It is what the group still holds when DVC has ended.
    """
    if process.returncode is not None:
        return
    os.killpg(process.pid, signal.SIGINT)
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), 10)
    with suppress(ProcessLookupError):  # the group is empty, as it nearly always is
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


if __name__ == "__main__":
    main()
