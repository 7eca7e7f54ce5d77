"""The stage `replicate` on Dask's workers with a stand-in for training, and faults on the way."""

import os
import re
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from experiment.common.errors import GO_ON
from study.training.replicate import RETRIES
from tests.faults.processes import Done, finish, good, start, unfinished, wait_until
from tests.study.conftest import (
    make_study,
    replicate,
    results,
    set_study,
    stored,
    table,
    variables_of,
    with_stand_in,
)
from tests.study.stand_in.training import named

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the signals are those of POSIX")

SEEDS, RATES = [0, 1, 2], [0.0, 0.5]
ALL = {named(rate, seed) for seed in SEEDS for rate in RATES}


@dataclass(frozen=True)
class Study:
    """A study in which nothing went wrong: two seeds on one worker, then a third on three.

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
    folder = make_study(
        tmp_path_factory.mktemp("study") / "a study é", seeds=SEEDS[:2], rates=RATES
    )
    with_stand_in(folder)
    small = good(replicate(folder, "--workers", "1"))
    before = stored(folder)
    set_study(folder, seeds=SEEDS)
    return Study(folder, small, good(replicate(folder, "--workers", "3")), before)


@pytest.fixture
def finished_study(study: Study, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(study.folder, tmp_path / "study")
    for mark in (tmp_path / "study/faults").iterdir():
        mark.unlink()
    return tmp_path / "study"


@pytest.fixture
def new_study(finished_study: Path) -> Path:
    """The same before its first run."""
    shutil.rmtree(finished_study / "study/runs")
    shutil.rmtree(finished_study / "metrics")
    return finished_study


def cause(folder: Path, fault: str, run: str) -> Path:
    (folder / f"faults/{fault} {run}").touch()
    return folder / f"faults/{fault} {run}"


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
    assert there_already(study.small) == "0 of 4"
    assert there_already(study.large) == "4 of 6"
    assert times_tried(study.folder) == dict.fromkeys(ALL, 1)
    assert study.before.items() < stored(study.folder).items()
    assert len(stored(study.folder)) == 6


def test_each_run_has_a_line_and_the_end_says_how_fast_it_was(study: Study) -> None:
    lines = study.large.output.splitlines()
    assert [
        line for line in lines if re.match(r"study: [12] of 2 done, 0 failed, .* left: Run", line)
    ]
    assert re.fullmatch(
        r"study: 2 of 2 runs done, 0 failed, in \d\d:\d\d: \d+\.\d runs per hour", lines[-1]
    )


def test_nothing_new_writes_the_same_tables_again(finished_study: Path, study: Study) -> None:
    shutil.rmtree(finished_study / "metrics")
    done = good(replicate(finished_study, "--workers", "1"))
    assert (there_already(done), times_tried(finished_study)) == ("6 of 6", {})
    assert results(finished_study) == results(study.folder)


def test_worker_is_killed_in_the_middle_of_a_run(new_study: Path, study: Study) -> None:
    run = named(0.5, 0)
    hold = cause(new_study, "hold", run)
    process = start(
        new_study, "study.training.replicate", "--workers", "2", **variables_of(new_study)
    )
    held = new_study / f"faults/held {run}"
    wait_until(held.exists, process)
    os.kill(int(held.read_text()), signal.SIGKILL)
    hold.unlink()
    good(finish(process))
    assert times_tried(new_study) == dict.fromkeys(ALL, 1) | {run: 2}
    assert results(new_study) == results(study.folder)


def test_driver_is_stopped_time_and_again(new_study: Path, study: Study) -> None:
    """By Ctrl-C, by a request to end, and for good; it goes on where it was."""
    stops = {
        signal.SIGINT: (named(0.5, 0), 1, "interrupted"),
        signal.SIGTERM: (named(0.0, 1), 2, "terminated"),
        signal.SIGKILL: (named(0.5, 1), 3, ""),
    }
    for number, (run, finished, word) in stops.items():
        hold = cause(new_study, "hold", run)
        process = start(
            new_study, "study.training.replicate", "--workers", "1", **variables_of(new_study)
        )
        wait_until(
            lambda held=new_study / f"faults/held {run}", wanted=finished: (  # type: ignore[misc]
                held.exists() and len(stored(new_study)) == wanted
            ),
            process,
        )
        if number == signal.SIGINT:  # as a terminal sends it: to all processes
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        done = finish(process)  # with its worker, though that was busy
        assert done.status == (-number if number == signal.SIGKILL else 128 + number), done.output
        assert not word or f"study: {word}; {GO_ON}" in done.output.splitlines(), done.output
        assert "Traceback" not in done.output, done.output
        hold.unlink()
    done = good(replicate(new_study, "--workers", "2"))
    assert there_already(done) == "3 of 6"
    assert unfinished(new_study) == []
    assert results(new_study) == results(study.folder)


def test_damaged_runs_are_named_and_trained_again(finished_study: Path, study: Study) -> None:
    cut, changed, foreign = sorted((finished_study / "study/runs").iterdir())[:3]
    cut.write_bytes(cut.read_bytes()[:-100])
    changed.write_text(changed.read_text().replace('"best_epoch": ', '"best_epoch": 1'))
    foreign.write_bytes(b"\xff\x00")
    done = good(replicate(finished_study, "--workers", "1"))
    for path in (cut, changed, foreign):
        name = path.relative_to(finished_study).as_posix()
        assert re.search(rf"^study: {name}: damaged \(.+\); the run is trained again$",
                         done.output, re.MULTILINE), done.output  # fmt: skip
    assert there_already(done) == "3 of 6"
    assert sum(times_tried(finished_study).values()) == 3
    assert results(finished_study) == results(study.folder)


def test_run_that_keeps_failing_is_reported_and_the_rest_is_finished(
    new_study: Path, study: Study
) -> None:
    run = named(0.5, 1)
    fault = cause(new_study, "fail", run)
    done = replicate(new_study, "--workers", "2")
    assert done.status == 1
    assert "Traceback" not in done.output, done.output
    assert (
        "study: failed: Run(dataset='data/own/tiny.npz', placement='dense', dropout_rate=0.5,"
        " train_samples=96, dense_units=8, epochs=2, seed=1): ValueError: a fault that was injected"
    ) in done.output.splitlines()
    assert done.output.splitlines()[-1] == (f"study: 1 runs failed, with the errors above; {GO_ON}")
    assert times_tried(new_study) == dict.fromkeys(ALL, 1) | {run: 1 + RETRIES}
    missing = stored(study.folder).items() - stored(new_study).items()
    assert len(missing) == 1
    rows = table(new_study).splitlines()
    everything = table(study.folder).splitlines()
    assert set(rows) < set(everything)
    assert len(rows) == 6
    fault.unlink()
    good(replicate(new_study, "--workers", "1"))
    assert results(new_study) == results(study.folder)


def test_run_whose_worker_always_dies_is_reported(new_study: Path, study: Study) -> None:
    cause(new_study, "die", named(0.0, 0))
    done = replicate(new_study, "--workers", "2")
    assert done.status == 1
    assert "Traceback" not in done.output, done.output
    failures = [line for line in done.output.splitlines() if line.startswith("study: failed: ")]
    assert failures == [
        "study: failed: Run(dataset='data/own/tiny.npz', placement='none', dropout_rate=0.0,"
        " train_samples=96, dense_units=8, epochs=2, seed=0): each worker that"
        " trained it died; is there enough memory?"
    ]
    assert len(stored(new_study)) == 5
