"""Training on Dask's workers with a stand-in for TensorFlow, and faults on the way."""

import os
import re
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from experiment.support.errors import GO_ON
from study.training.replicate import RETRIES
from tests.faults.processes import Done, finish, good, unfinished, wait_until
from tests.study.conftest import (
    hold,
    is_held,
    make_study,
    replicate,
    replicating,
    results,
    set_study,
    stored,
    table,
    with_stand_in,
)
from tests.study.stand_in.training import named

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the signals are those of POSIX")

ANOTHER = (
    "study: expected no other study at work in this folder; found one; wait for it (`make watch`"
    " shows it), or stop it\n"
)
SEEDS, RATES = [0, 1, 2], [0.0, 0.5]
ALL = {named(rate, seed) for seed in SEEDS for rate in RATES}


@dataclass(frozen=True)
class Study:
    """A study in which nothing went wrong: two seeds on one worker, then a third on two.

    Attributes:
        folder: where it is.
        small, large: how both goes ended.
        before: what was stored after the first.
    """

    folder: Path
    small: Done
    large: Done
    before: dict[str, bytes]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("study") / "a study é"
    with_stand_in(make_study(folder, seeds=SEEDS[:2], rates=RATES))
    small = good(replicate(folder))
    before = stored(folder)
    set_study(folder, seeds=SEEDS)
    return Study(folder, small, good(replicate(folder, 2)), before)


@pytest.fixture
def finished_study(study: Study, tmp_path: Path) -> Path:
    """A copy of it."""
    folder = shutil.copytree(study.folder, tmp_path / "study")
    forget_marks(folder)
    return folder


@pytest.fixture
def new_study(finished_study: Path) -> Path:
    """The same before its first run."""
    shutil.rmtree(finished_study / "study/runs")
    shutil.rmtree(finished_study / "metrics")
    return finished_study


def forget_marks(folder: Path) -> None:
    for mark in (folder / "faults").iterdir():
        mark.unlink()


def times_tried(folder: Path) -> dict[str, int]:
    return {
        path.name.removeprefix("tried "): path.stat().st_size
        for path in (folder / "faults").glob("tried *")
    }


def there_already(done: Done) -> str:
    found = re.search(r"^study: (\d+ of \d+) runs are there already$", done.output, re.MULTILINE)
    assert found, done.output
    return found[1]


def test_larger_grid_trains_what_is_new_alone(study: Study) -> None:
    assert (there_already(study.small), there_already(study.large)) == ("0 of 4", "4 of 6")
    assert times_tried(study.folder) == dict.fromkeys(ALL, 1)
    assert study.before.items() < stored(study.folder).items()
    assert len(stored(study.folder)) == 6
    last = study.large.output.splitlines()[-1]
    assert last.startswith("study: 2 of 2 runs done, 0 failed, in ")


def test_damaged_runs_are_named_and_trained_again(finished_study: Path, study: Study) -> None:
    shutil.rmtree(finished_study / "metrics")
    assert there_already(good(replicate(finished_study))) == "6 of 6"
    assert (times_tried(finished_study), results(finished_study)) == ({}, results(study.folder))

    cut, changed, foreign = sorted((finished_study / "study/runs").iterdir())[:3]
    cut.write_bytes(cut.read_bytes()[:-100])
    changed.write_text(changed.read_text().replace('"best_epoch": ', '"best_epoch": 1'))
    foreign.write_bytes(b"\xff\x00")
    done = good(replicate(finished_study))
    for path in (cut, changed, foreign):
        name = path.relative_to(finished_study).as_posix()
        line = rf"^study: {name}: damaged \(.+\); the run is trained again$"
        assert re.search(line, done.output, re.MULTILINE), done.output
    assert there_already(done) == "3 of 6"
    assert sum(times_tried(finished_study).values()) == 3
    assert results(finished_study) == results(study.folder)


def test_study_goes_on_whatever_stops_it(new_study: Path, study: Study) -> None:
    """The driver is stopped by Ctrl-C, by a request to end, and for good; then runs fail."""
    stops = {
        signal.SIGINT: (named(0.5, 0), 1, "interrupted"),
        signal.SIGTERM: (named(0.0, 1), 2, "terminated"),
        signal.SIGKILL: (named(0.5, 1), 3, ""),
    }
    for number, (run, finished, word) in stops.items():
        held = hold(new_study, run)
        process = replicating(new_study)
        wait_until(is_held(new_study, run, finished=finished), process)
        if number == signal.SIGINT:  # as a terminal sends it: to all processes
            second = replicate(new_study)
            assert (second.status, second.output) == (1, ANOTHER)
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        done = finish(process)  # with its worker, though that was busy
        assert done.status == (-number if number == signal.SIGKILL else 128 + number), done.output
        assert not word or f"study: {word}; {GO_ON}" in done.output.splitlines(), done.output
        assert "Traceback" not in done.output, done.output
        held.unlink()

    forget_marks(new_study)
    killed, fails, dies = (named(rate, seed) for rate, seed in ((0.5, 1), (0.0, 2), (0.5, 2)))
    held = hold(new_study, killed)
    for fault, run in (("fail", fails), ("die", dies)):
        (new_study / f"faults/{fault} {run}").touch()
    process = replicating(new_study, 2)
    wait_until(is_held(new_study, killed, finished=3), process)
    os.kill(int((new_study / f"faults/held {killed}").read_text()), signal.SIGKILL)
    held.unlink()
    done = finish(process)
    assert done.status == 1
    assert "Traceback" not in done.output, done.output
    lines = done.output.splitlines()
    assert sorted(line for line in lines if line.startswith("study: failed: ")) == sorted([
        "study: failed: Run(dataset='data/own/tiny.npz', placement='none', dropout_rate=0.0,"
        " train_samples=96, dense_units=8, epochs=2, seed=2): ValueError: a fault that was"
        " injected",
        "study: failed: Run(dataset='data/own/tiny.npz', placement='dense', dropout_rate=0.5,"
        " train_samples=96, dense_units=8, epochs=2, seed=2): each worker that trained it died; is"
        " there enough memory?",
    ])  # fmt: skip
    assert lines[-1] == f"study: 2 runs failed, with the errors above; {GO_ON}"
    tried = times_tried(new_study)
    # Once more where the worker that has its result goes on to `dies` before that is fetched.
    assert tried.pop(killed) in (2, 3)
    assert tried == {fails: 1 + RETRIES, dies: 4}
    rows, everything = table(new_study).splitlines(), table(study.folder).splitlines()
    assert set(rows) < set(everything)
    assert (len(rows), len(stored(new_study))) == (1 + 4, 4)

    forget_marks(new_study)
    assert there_already(good(replicate(new_study))) == "4 of 6"
    assert unfinished(new_study) == []
    assert results(new_study) == results(study.folder)
