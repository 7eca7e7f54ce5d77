"""Runs that are stopped half-way through a file, by Ctrl-C, a request to end, and for good."""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

from experiment.support.errors import GO_ON
from experiment.variants import VARIANTS
from tests.faults.conftest import DATA, PAGE, everything
from tests.faults.processes import finish, forget, good, run, start, unfinished, wait_until
from tests.repository import ran

FIRST = next(iter(VARIANTS))


class Stop(NamedTuple):
    """Where and how `dvc repro` is stopped.

    Attributes:
        stage: as on its command line.
        file: the number of the file, in the order of writing, of which half is written by then.
        how: by which signal; without one, no file after this one may be larger than 64 bytes.
        resumed: the epoch after which the training goes on in this run.
    """

    stage: str
    file: int
    how: signal.Signals | None
    resumed: int = 0


# One run, as often as it is stopped. A training writes, once resumed, its curve; for each
# epoch checkpoint and curve; then model, environment, metrics and predictions.
STOPS = [
    Stop("download", 1, signal.SIGKILL),
    Stop("preprocess", 2, signal.SIGTERM),
    Stop(f"train {FIRST}", 3, signal.SIGINT),  # the second checkpoint
    Stop(f"train {FIRST}", 5, None, resumed=1),  # all epochs are done, and there is no model
    Stop(f"train {FIRST}", 4, signal.SIGKILL, resumed=3),  # the metrics
    Stop("plot", 2, signal.SIGTERM, resumed=3),
]
WORDS = {signal.SIGINT: f"interrupted; {GO_ON}", signal.SIGTERM: f"terminated; {GO_ON}"}
TOO_LARGE = f"models/{FIRST}.keras: file larger than the system allows here (ulimit -f); raise the"


def start_to_stop(folder: Path, stop: Stop) -> "subprocess.Popen[str]":
    """Starts `dvc repro`; where it is to be stopped by a signal, returns when that is due."""
    mark = folder.parent / "hangs"
    mark.unlink(missing_ok=True)
    process = start(
        folder, "dvc", "repro", FAULT="hang" if stop.how else "limit",
        FAULT_IN=f"stages.{stop.stage}", FAULT_AT=str(stop.file), FAULT_MARK=str(mark),
    )  # fmt: skip
    if stop.how:
        wait_until(mark.exists, process)
        assert len(unfinished(folder)) == 1
    return process


def test_run_that_is_stopped_time_and_again_ends_with_the_same_bytes(
    finished: Path, trained: dict[str, bytes], tmp_path: Path
) -> None:
    """No epoch is trained again, and what has been made stays."""
    folder = Path(shutil.copytree(finished, tmp_path / "repository", symlinks=True))
    forget(folder, "download", "preprocess", f"train_{FIRST}", "plot")
    for stop in STOPS:
        process = start_to_stop(folder, stop)
        if stop.how:
            os.killpg(process.pid, stop.how)
        done = finish(process)
        assert done.status != 0
        assert "Traceback" not in done.output, done.output
        # After a SIGKILL nothing can be done about the half file; the next run replaces it.
        assert len(unfinished(folder)) == (stop.how == signal.SIGKILL)
        if stop.how != signal.SIGKILL:
            line = f"{stop.stage}: {WORDS[stop.how] if stop.how else TOO_LARGE}"
            (said,) = [each for each in done.output.splitlines() if line in each]
            assert f"`{said}`" in PAGE
        resumed = f"{FIRST}  resumed after epoch {stop.resumed}"
        assert (resumed in done.output.splitlines()) == (stop.resumed > 0), done.output
        left = everything(folder)
        whole = left.keys() - {"dvc.lock", f"plots/{FIRST}.csv"}
        assert [name for name in whole if left[name] != trained[name]] == []
        assert {*DATA[1:]} <= left.keys()
    good(run(folder, "dvc", "repro"))
    assert everything(folder) == trained
    assert unfinished(folder) == []


def test_second_run_while_a_stage_is_at_work_says_who_is(repository: Path) -> None:
    forget(repository, "download")
    first = start_to_stop(repository, Stop("download", 1, signal.SIGKILL))
    second = run(repository, "dvc", "repro")
    os.killpg(first.pid, signal.SIGKILL)
    finish(first)
    assert second.status != 0
    assert "Traceback" not in second.output
    assert "data/params.checked' is busy, it is being blocked by" in second.output
    assert f"(PID {first.pid})" in second.output
    assert "download" in ran(good(run(repository, "dvc", "repro")).output)
