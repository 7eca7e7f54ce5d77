"""Stages that are stopped half-way through a file, by Ctrl-C, a request to end, and for good."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from experiment.common.errors import GO_ON
from tests.faults.conftest import Row, copy_of, everything
from tests.faults.processes import Done, finish, forget, good, run, start, unfinished, wait_until
from tests.repository import ran

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the signals are those of POSIX")

SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGKILL]
PERSISTED = {"download", "preprocess"}


def stop_at(folder: Path, stage: str, at: int, number: signal.Signals) -> tuple[Done, list[str]]:
    """`dvc repro`, ended with all it started while a stage has half of its n-th file written.

    Returns:
        How it ended, and the half files it left.
    """
    command = f"stages.{stage.replace('train_', 'train ')}"
    mark = folder.parent / "hangs"
    mark.unlink(missing_ok=True)
    process = start(
        folder, "dvc", "repro", FAULT="hang", FAULT_IN=command, FAULT_AT=str(at),
        FAULT_MARK=str(mark),
    )  # fmt: skip
    wait_until(mark.exists, process)
    assert len(unfinished(folder)) == 1
    os.killpg(process.pid, number)
    return finish(process), unfinished(folder)


def check_stop(done: Done, half: list[str], number: signal.Signals) -> str:
    """What was seen, for the table."""
    assert done.status != 0
    assert "Traceback" not in done.output, done.output
    if number == signal.SIGKILL:
        assert len(half) == 1  # nothing could be done about it; the next run replaces it
        return "ended at once; half a file under a temporary name, which the next run replaces"
    assert half == []
    word = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}[number]
    lines = [line for line in done.output.splitlines() if f" {word}; {GO_ON}" in line]
    assert len(lines) == 1, done.output
    return f"`{lines[0]}`; no half file"


@pytest.mark.parametrize(
    ("stage", "at", "number"),
    [
        ("check", 1, signal.SIGTERM),
        ("download", 1, signal.SIGKILL),
        ("preprocess", 2, signal.SIGINT),
        ("plot", 2, signal.SIGKILL),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_stage_is_stopped(
    stage: str,
    at: int,
    number: signal.Signals,
    repository: Path,
    right: dict[str, bytes],
    row: Row,
) -> None:
    row(fault=f"{number.name} while `{stage}` writes")
    forget(repository, stage)
    done, half = stop_at(repository, stage, at, number)
    happened = check_stop(done, half, number)
    left = everything(repository)
    assert [name for name in left if name != "dvc.lock" and left[name] != right[name]] == []
    if stage in PERSISTED:
        assert set(left) == set(right)
    again = good(run(repository, "dvc", "repro"))
    assert stage in ran(again.output)
    assert everything(repository) == right
    assert unfinished(repository) == []
    kept = "the last files stayed" if stage in PERSISTED else "the next run makes the files again"
    row(happened=happened, lost=f"nothing: {kept}")


@dataclass(frozen=True)
class StoppedTraining:
    """How a training ended by each signal and the half files it left; the whole run then."""

    stops: dict[signal.Signals, tuple[Done, list[str]]]
    again: Done
    in_the_end: dict[str, bytes]


@pytest.fixture(scope="module")
def stopped_training(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> StoppedTraining:
    """A training stopped three times, going on each time; then the whole run again.

    Stopped by SIGTERM in the second checkpoint, by SIGINT in the model, by SIGKILL in the metrics.
    An epoch writes three files: checkpoint, curve, status.
    `test_resume.py` kills the other one.
    """
    folder = copy_of(finished, tmp_path_factory.mktemp("stopped"))
    forget(folder, "train_no_dropout")
    stops = {
        number: stop_at(folder, "train_no_dropout", at, number)
        for number, at in ((signal.SIGTERM, 5), (signal.SIGINT, 9), (signal.SIGKILL, 5))
    }
    again = good(run(folder, "dvc", "repro"))
    assert unfinished(folder) == []
    return StoppedTraining(stops, again, everything(folder))


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_training_is_stopped(
    number: signal.Signals,
    stopped_training: StoppedTraining,
    trained: dict[str, bytes],
    row: Row,
) -> None:
    """Within `dvc repro`: what DVC deletes before a training is in Git and in its cache."""
    written = {
        signal.SIGTERM: "its 2nd checkpoint",
        signal.SIGINT: "its model",
        signal.SIGKILL: "its metrics",
    }[number]
    row(fault=f"{number.name} while `train_no_dropout` writes {written}")
    happened = check_stop(*stopped_training.stops[number], number)
    following = {
        signal.SIGTERM: stopped_training.stops[signal.SIGINT][0],
        signal.SIGINT: stopped_training.stops[signal.SIGKILL][0],
        signal.SIGKILL: stopped_training.again,
    }[number]
    resumed = f"no_dropout  resumed after epoch {1 if number == signal.SIGTERM else 3}"
    assert resumed in following.output.splitlines()
    assert stopped_training.in_the_end == trained
    row(
        happened=f"{happened}; the next run: `{resumed}` of 3",
        lost="nothing that was finished: at most the epoch at work",
    )
