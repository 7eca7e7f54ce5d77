"""The whole pipeline, through DVC, in real Git + DVC repositories with synthetic images."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from dvc.lock import Lock

from experiment.support.errors import GO_ON
from experiment.variants import VARIANTS
from stages.__main__ import TRAININGS, stop
from tests.conftest import Run
from tests.faults.processes import finish, start
from tests.repository import CURVES, EPOCHS, METRICS, PICTURES, contents, git, ran

*_, LAST = VARIANTS


def test_results_are_gits_and_images_and_models_are_not(finished: Path) -> None:
    assert git(finished, "status", "--porcelain") == ""
    tracked = git(finished, "ls-files").splitlines()
    assert set(METRICS + CURVES + PICTURES + ["dvc.lock"]) <= set(tracked)
    assert not [name for name in tracked if name.startswith(("models/", "data/raw", ".venv"))]


def test_last_screen(finished: Path) -> None:
    """The trainings ran side by side, and their metrics are shown."""
    lines = (finished.parent / "output").read_text().splitlines()
    assert sorted(ran("\n".join(lines))[3:-1]) == sorted(TRAININGS)
    first = lines.index(f"own/tiny.npz, {EPOCHS} epochs, seed 0; each network trained once")
    metrics = [json.loads((finished / name).read_text()) for name in METRICS]
    accuracies, losses = (line.split() for line in lines[first + 3 : first + 5])
    assert [accuracies[2], losses[2]] == [
        f"{100 * metrics[0]['test_accuracy']:.2f}", f"{metrics[0]['test_loss']:.4f}",
    ]  # fmt: skip
    before = {line.split()[0] for line in lines[:first] if line}
    assert before == {"DVC", "Running", ">", "`make"} | set(VARIANTS)


def test_second_time_nothing_runs(finished: Path, tmp_path: Path, run: Run) -> None:
    """Nor is TensorFlow imported, which takes seconds."""
    repository = shutil.copytree(finished, tmp_path / "elsewhere", symlinks=True)
    for name in ("keras", "tensorflow"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('TensorFlow was imported')\n")
    done = run(repository, "stages", PYTHONPATH=str(tmp_path))
    assert (done.returncode, ran(done.stdout)) == (0, [])
    assert done.stdout.splitlines()[1].startswith("Everything is up to date")
    last_screen = (finished.parent / "output").read_text().partition("\nown/tiny.npz, ")[2]
    assert done.stdout.endswith(last_screen)


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


# Stands in for a training that ends in a given way, or does not end by itself.
ENDING = """
import os, signal, sys
if {name!r} in sys.argv:
    {end}
signal.pause()
"""


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("sys.exit('broken on purpose')", "the reason is above"),
        ("os.kill(os.getpid(), 9)", f"train {LAST} was ended by SIGKILL, most likely for lack of"),
        ("os.kill(os.getpid(), 4)", f"train {LAST} was ended by SIGILL, most likely because this"),
    ],
)
def test_training_that_fails(end: str, reason: str, shell: str, repository: Path) -> None:
    """It stops the other at once, and the likely cause is named."""
    (repository / "stages/train.py").write_text(ENDING.format(name=LAST, end=end))
    done = finish(start(repository, "stages", PYTHONPATH="", SHELL=shell), patience=120)
    assert done.status == 1
    assert ("broken on purpose" in done.output) == ("sys.exit" in end)
    last = done.output.splitlines()[-1]
    expected = f"repro: dvc repro --single-item train_{LAST} failed; {reason}"
    assert last.startswith(expected)
    assert find_trainings(repository) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupt(number: signal.Signals, repository: Path) -> None:
    """Every training is stopped, and the status names the signal."""
    (repository / "stages/train.py").write_text(ENDING.format(name="none", end="pass"))
    process = start(repository, "stages", PYTHONPATH="")
    assert process.stdout
    waiting = {f"> python -m stages.train {variant}\n" for variant in VARIANTS}
    while waiting and (line := process.stdout.readline()):
        waiting -= {line}
    process.send_signal(number)
    done = finish(process, patience=120)
    assert done.status == 128 + number
    said = "interrupted" if number == signal.SIGINT else "terminated"
    assert done.output.splitlines()[-1] == f"repro: {said}; {GO_ON}"
    assert find_trainings(repository) == []


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
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout
    try:
        assert process.stdout.readline() == "ready\n"
        stop(process)
        assert process.communicate(timeout=60)[0] == "interrupted\n"  # nobody holds it any more
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def locked(path: Path) -> Iterator[str]:
    """A lock of DVC's that this process holds."""
    with Lock(str(path)):
        yield f"(PID {os.getpid()}, user {psutil.Process().username()})"


@contextmanager
def stale(path: Path) -> Iterator[str]:
    """A lock that a process on a network file system has left for a year."""
    for name in ("lock", "rwlock.lock"):
        path.with_name(name).unlink(missing_ok=True)  # of the other kind
    (path.parent.parent / "config.local").write_text("[core]\nhardlink_lock = true\n")
    path.write_text("elsewhere")
    os.utime(path, (time.time() + 365 * 86_400,) * 2)
    yield "the lock .dvc/tmp/lock; if no other DVC process works in this folder, stop this and run"
    path.unlink()


@pytest.mark.parametrize("holds", [locked, stale])
def test_lock(holds: Callable[[Path], AbstractContextManager[str]], repository: Path) -> None:
    """Whoever waits for a lock reads for whose, and goes on once it is released."""
    with holds(repository / ".dvc/tmp/lock") as holder:
        process = start(repository, "stages", PYTHONPATH="")
        assert process.stdout
        too_long = threading.Timer(120, process.kill)
        too_long.start()
        assert process.stdout.readline().startswith("DVC looks for what is out of date")
        line = process.stdout.readline()
        too_long.cancel()
    assert line.startswith("repro: waiting for ")
    assert holder in line
    done = finish(process)
    assert done.status == 0
    assert done.output.startswith("Everything is up to date")


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity here")
def test_one_processor(repository: Path) -> None:
    """Where only one may be used, one training comes after the other."""
    (repository / "stages/train.py").write_text("raise SystemExit('the first')")
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        process = start(repository, "stages", PYTHONPATH="")
    finally:
        os.sched_setaffinity(0, allowed)
    assert finish(process).output.count("> python -m stages.train") == 1


def find_trainings(folder: Path) -> list[psutil.Process]:
    """The training processes that run in a folder; what is left of them is killed."""
    found = [
        process
        for process in psutil.process_iter(["cwd", "cmdline"])
        if process.info["cwd"] == str(folder)
        and "stages.train" in " ".join(process.info["cmdline"] or ())
    ]
    for process in found:
        process.kill()
    return found
