"""Runs that are stopped half-way through a file, by Ctrl-C, a request to end, and for good."""

import os
import shutil
import signal
from pathlib import Path

from ruamel.yaml import YAML

from experiment.support.errors import GO_ON
from experiment.variants import VARIANTS
from tests.conftest import ROOT
from tests.faults.processes import finish, good, run, start, unfinished, wait_until
from tests.repository import DATA, everything

FIRST = next(iter(VARIANTS))
KILL, TERM, INT = signal.SIGKILL, signal.SIGTERM, signal.SIGINT

# One `dvc repro`, as often as it is stopped: in which stage; when half of which file is written, in
# the order of writing; by which signal, or, without one, since no file after this one may be larger
# than 64 bytes; how the stage's last line begins; after which epoch the training went on.
# A training writes, once resumed, its curve; for each epoch checkpoint and curve; then model,
# environment, metrics and predictions.
STOPS = [
    ("preprocess", 2, TERM, f"terminated; {GO_ON}", 0),
    (f"train {FIRST}", 3, INT, f"interrupted; {GO_ON}", 0),  # the second checkpoint
    (f"train {FIRST}", 8, KILL, "", 1),  # the metrics
    ("plot", 1, None, "plots/loss.png: file larger than the system allows", 3),
]


def test_run_that_is_stopped_time_and_again_ends_with_the_same_bytes(
    repository: Path, tmp_path: Path
) -> None:
    """No epoch is trained again, and what has been made stays."""
    folder, trained = repository, everything(repository)
    page = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
    # DVC knows nothing of an earlier run of these stages: `dvc repro` must run them.
    shutil.rmtree(folder / ".dvc/cache/runs", ignore_errors=True)
    lock = YAML().load(folder / "dvc.lock")
    for stage in ("preprocess", f"train_{FIRST}", "plot"):
        del lock["stages"][stage]
    YAML().dump(lock, folder / "dvc.lock")
    for number, (stage, file, how, said, resumed) in enumerate(STOPS):
        mark = tmp_path / f"{number} hangs"
        process = start(
            folder, "dvc", "repro", FAULT="hang" if how else "limit", FAULT_IN=f"stages.{stage}",
            FAULT_AT=str(file), FAULT_MARK=str(mark),
        )  # fmt: skip
        if how:
            wait_until(mark.exists, process)
            assert len(unfinished(folder)) == 1
            os.killpg(process.pid, how)
        done = finish(process)
        assert done.status != 0
        assert "Traceback" not in done.output, done.output
        # After a SIGKILL nothing can be done about the half file; the next run replaces it.
        assert len(unfinished(folder)) == (how == KILL)
        lines = done.output.splitlines()
        if said:
            (found,) = [line for line in lines if line.startswith(f"{stage}: {said}")]
            assert f"`{found}`" in page
        went_on = f"{FIRST}  resumed after epoch {resumed}" in lines
        assert went_on == (resumed > 0), done.output
        left = everything(folder)
        whole = left.keys() - {"dvc.lock", f"plots/{FIRST}.csv"}
        assert [name for name in whole if left[name] != trained[name]] == []
        assert {name for name in DATA if name.endswith(".npz")} <= left.keys()
    good(run(folder, "dvc", "repro"))
    assert everything(folder) == trained
    assert unfinished(folder) == []
