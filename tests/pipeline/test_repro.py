"""The whole pipeline, through DVC, in real Git + DVC repositories with synthetic images."""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from experiment.variants import VARIANTS
from stages.__main__ import TRAININGS, _stop
from tests.conftest import Run, environment_of_stages, synthetic_arrays
from tests.repository import CURVES, EPOCHS, METRICS, PICTURES, contents, git, ran


def test_results_are_gits_and_images_and_models_are_not(finished: Path) -> None:
    assert git(finished, "status", "--porcelain") == ""
    tracked = git(finished, "ls-files").splitlines()
    assert set(METRICS + CURVES + PICTURES + ["dvc.lock"]) <= set(tracked)
    assert not [name for name in tracked if name.startswith(("models/", "data/raw", ".venv"))]


def test_trainings_ran_side_by_side_and_their_results_are_the_last_screen(finished: Path) -> None:
    lines = (finished.parent / "output").read_text().splitlines()
    assert sorted(ran("\n".join(lines))[3:5]) == sorted(TRAININGS)
    first = lines.index(f"own/tiny.npz, {EPOCHS} epochs, seed 0; each network trained once")
    for row, key in zip(lines[first + 3 :], ("test_accuracy", "test_loss"), strict=False):
        values = [json.loads((finished / name).read_text())[key] for name in reversed(METRICS)]
        percent = [f"{100 * value:.2f}" for value in values]
        shown = percent if key == "test_accuracy" else [f"{value:.4f}" for value in values]
        assert [word for word in row.split()[2:5] if word != "%"][:2] == shown
    before = {line.split()[0] for line in lines[:first] if line}
    assert before == {"Running", ">", "`make"} | set(VARIANTS)


def test_second_time_nothing_runs(finished: Path, tmp_path: Path, run: Run) -> None:
    """Nor is TensorFlow imported, which takes seconds."""
    repository = shutil.copytree(finished, tmp_path / "elsewhere", symlinks=True)
    for name in ("keras", "tensorflow"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('TensorFlow was imported')\n")
    done = run(repository, "stages", PYTHONPATH=str(tmp_path))
    assert (done.returncode, ran(done.stdout)) == (0, [])
    assert done.stdout.startswith("Everything is up to date")
    last_screen = (finished.parent / "output").read_text().partition("\nown/tiny.npz, ")[2]
    assert done.stdout.endswith(last_screen)


def test_own_images_that_change_under_their_name_are_noticed(repository: Path, dvc: Run) -> None:
    np.savez(repository / "data/own/tiny.npz", **synthetic_arrays(seed=1))  # type: ignore[arg-type]
    assert list(json.loads(dvc(repository, "status", "--json").stdout)) == ["download"]


@pytest.mark.parametrize(
    ("command", "change", "message"),
    [
        ("stages", ("  epochs: 3", ""), "check: params.yaml: train.epochs: expected a value"),
        ("dvc repro", ("own/tiny.npz", "own/no.npz"), "check: params.yaml: data.dataset: exp"),
        ("dvc repro", ("train_samples: ", "train_samples: 999 # "),
         "preprocess: preprocess.train_samples: expected 96"),
    ],
)  # fmt: skip
def test_bad_input_costs_nothing_of_the_last_good_run(
    command: str, change: tuple[str, str], message: str, repository: Path, run: Run
) -> None:
    before = contents(repository)
    kept = [*sorted((repository / "data").rglob("*.npz"))]
    path = repository / "params.yaml"
    assert path.read_text().count(change[0]) == 1
    path.write_text(path.read_text().replace(*change))
    done = run(repository, *command.split(), PYTHONPATH="")
    output = done.stdout + done.stderr
    assert done.returncode not in (0, None)
    assert [line for line in output.splitlines() if line.startswith(message)], output
    assert "Traceback" not in output
    assert contents(repository) == before
    assert [*sorted((repository / "data").rglob("*.npz"))] == kept


# Stands in for a training that does not end by itself.
ENDLESS = """
import signal, sys
if {fails!r} in sys.argv:
    raise SystemExit("broken on purpose")
signal.pause()
"""


def test_failing_training_stops_the_other_and_is_named(repository: Path, run: Run) -> None:
    (repository / "stages/train.py").write_text(ENDLESS.format(fails="dropout"))
    done = run(repository, "stages", PYTHONPATH="")
    assert done.returncode == 1
    assert "broken on purpose" in done.stdout
    assert done.stderr.splitlines()[-1] == (
        "repro: dvc repro --single-item train_dropout failed; the reason is above"
    )


@pytest.mark.skipif(os.name != "posix", reason="the signals are those of POSIX")
def test_request_to_end_stops_every_training(repository: Path) -> None:
    """As Ctrl-C does, which Python itself turns into the same interrupt."""
    (repository / "stages/train.py").write_text(ENDLESS.format(fails="none"))
    process = subprocess.Popen(
        [sys.executable, "-m", "stages"],
        cwd=repository,
        env=environment_of_stages(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    waiting = {f"> python -m stages.train {variant}\n" for variant in VARIANTS}
    while waiting and (line := process.stdout.readline()):
        waiting -= {line}
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    _, left = psutil.wait_procs(_trainings_in(repository), timeout=10)
    for training in left:
        training.kill()
    assert process.returncode == 1
    assert "repro: interrupted; every stage that had started was stopped" in output
    assert left == []


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a POSIX signal")
def test_interrupt_stops_what_was_being_started() -> None:
    """As DVC does when the interrupt comes just before it forks: starts the command, and ends."""
    code = """
import signal, subprocess, sys, time
def start_and_end(*_):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    sys.exit("interrupted")
signal.signal(signal.SIGINT, start_and_end)
print("ready", flush=True)
time.sleep(600)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    try:
        _stop([process])
        output, _ = process.communicate(timeout=60)  # to the end: nobody holds it any more
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert output == "interrupted\n"


def _trainings_in(folder: Path) -> list[psutil.Process]:
    """The training processes that run in a folder."""
    return [
        process
        for process in psutil.process_iter(["cwd", "cmdline"])
        if process.info["cwd"] == str(folder)
        and "stages.train" in " ".join(process.info["cmdline"] or ())
    ]
