"""Runs that are stopped half-way through a file, by Ctrl-C, a request to end, and for good."""

import os
import shutil
import signal
from pathlib import Path
from typing import NamedTuple

from experiment.support.errors import GO_ON
from experiment.variants import VARIANTS
from tests.faults.conftest import DATA, PAGE, everything, forget
from tests.faults.processes import finish, good, run, start, unfinished, wait_until

FIRST = next(iter(VARIANTS))
KILL, TERM, INT = signal.SIGKILL, signal.SIGTERM, signal.SIGINT


class Stop(NamedTuple):
    """Where and how `dvc repro` is stopped.

    Attributes:
        stage: as on its command line.
        file: the number of the file, in the order of writing, of which half is written by then.
        how: by which signal; without one, no file after this one may be larger than 64 bytes.
        said: how the line begins with which the stage ends.
        resumed: the epoch after which the training goes on in this run.
    """

    stage: str
    file: int
    how: signal.Signals | None
    said: str = ""
    resumed: int = 0


# One run, as often as it is stopped. A training writes, once resumed, its curve; for each
# epoch checkpoint and curve; then model, environment, metrics and predictions.
STOPS = [
    Stop("download", 1, KILL),
    Stop("preprocess", 2, TERM, f"terminated; {GO_ON}"),
    Stop(f"train {FIRST}", 3, INT, f"interrupted; {GO_ON}"),  # the second checkpoint
    Stop(f"train {FIRST}", 8, KILL, resumed=1),  # the metrics
    Stop("plot", 1, None, "plots/loss.png: file larger than the system allows", resumed=3),
]


def test_run_that_is_stopped_time_and_again_ends_with_the_same_bytes(
    finished: Path, trained: dict[str, bytes], tmp_path: Path
) -> None:
    """No epoch is trained again, and what has been made stays."""
    folder = Path(shutil.copytree(finished, tmp_path / "repository", symlinks=True))
    forget(folder, "download", "preprocess", f"train_{FIRST}", "plot")
    for number, stop in enumerate(STOPS):
        mark = tmp_path / f"{number} hangs"
        process = start(
            folder, "dvc", "repro", FAULT="hang" if stop.how else "limit",
            FAULT_IN=f"stages.{stop.stage}", FAULT_AT=str(stop.file), FAULT_MARK=str(mark),
        )  # fmt: skip
        if stop.how:
            wait_until(mark.exists, process)
            assert len(unfinished(folder)) == 1
            os.killpg(process.pid, stop.how)
        done = finish(process)
        assert done.status != 0
        assert "Traceback" not in done.output, done.output
        # After a SIGKILL nothing can be done about the half file; the next run replaces it.
        assert len(unfinished(folder)) == (stop.how == KILL)
        lines = done.output.splitlines()
        if stop.said:
            (said,) = [line for line in lines if line.startswith(f"{stop.stage}: {stop.said}")]
            assert f"`{said}`" in PAGE
        resumed = f"{FIRST}  resumed after epoch {stop.resumed}"
        assert (resumed in lines) == (stop.resumed > 0), done.output
        left = everything(folder)
        whole = left.keys() - {"dvc.lock", f"plots/{FIRST}.csv"}
        assert [name for name in whole if left[name] != trained[name]] == []
        assert {name for name in DATA if name.endswith(".npz")} <= left.keys()
    good(run(folder, "dvc", "repro"))
    assert everything(folder) == trained
    assert unfinished(folder) == []
