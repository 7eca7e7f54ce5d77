"""The whole pipeline, through DVC, in real Git + DVC repositories with synthetic images."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from dvc.lock import Lock

from experiment.support.errors import GO_ON, InputError
from experiment.variants import VARIANTS
from stages import __main__ as repro
from stages.surroundings import describe_lock
from tests.conftest import Run, message_of
from tests.faults.processes import finish, start
from tests.repository import EPOCHS, RESULTS, contents, git, ran

*_, LAST = VARIANTS
BOTH = [["repro", "--single-item", name] for name in repro.TRAININGS]


def test_finished(finished: Path) -> None:
    """Results are Git's, images and models are not; DVC's chatter is not shown."""
    assert git(finished, "status", "--porcelain") == ""
    tracked = git(finished, "ls-files").splitlines()
    of_dvc = ("models/", "data/processed/", "data/raw/")
    assert {"dvc.lock", *(name for name in RESULTS if not name.startswith(of_dvc))} <= {*tracked}
    assert not [name for name in tracked if name.startswith(of_dvc)]

    lines = (finished.parent / "output").read_text().splitlines()
    assert sorted(ran("\n".join(lines))[3:-1]) == sorted(repro.TRAININGS)
    first = lines.index(f"own/tiny.npz, {EPOCHS} epochs, seed 0; each network trained once")
    before = {line.split()[0] for line in lines[:first] if line}
    assert before == {"DVC", "Running", ">", "`make"} | set(VARIANTS)


def test_second_time_nothing_runs(finished: Path, repository: Path, tmp_path: Path) -> None:
    """Nor is TensorFlow imported, which takes seconds.

    Whoever waits for a lock reads for whose, and goes on once it is released.
    """
    for name in ("keras", "tensorflow"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('TensorFlow was imported')\n")
    with Lock(str(repository / ".dvc/tmp/lock")):
        process = start(repository, "stages", PYTHONPATH=str(tmp_path))
        assert process.stdout
        too_long = threading.Timer(120, process.kill)
        too_long.start()
        assert process.stdout.readline().startswith("DVC looks for what is out of date")
        line = process.stdout.readline()
        too_long.cancel()
    assert line.startswith("repro: waiting for another DVC process in this folder: ")
    done = finish(process)
    assert (done.status, ran(done.output)) == (0, [])
    assert done.output.startswith("Everything is up to date")
    last_screen = (finished.parent / "output").read_text().partition("\nown/tiny.npz, ")[2]
    assert done.output.endswith(last_screen)


@pytest.mark.parametrize(
    ("command", "old", "new", "message"),
    [
        ("stages", "  epochs: 3", "", "check: params.yaml: train.epochs: expected a value"),
        ("dvc repro", "own/tiny.npz", "own/no.npz", "check: params.yaml: data.dataset: exp"),
        ("dvc repro", "train_samples: ", "train_samples: 999 # ",
         "preprocess: preprocess.train_samples: expected 96"),
    ],
)  # fmt: skip
def test_bad_input_costs_nothing_of_the_last_good_run(
    command: str, old: str, new: str, message: str, repository: Path, run: Run
) -> None:
    images = [f"data/{name}.npz" for name in ("raw/images", "processed/test", "processed/train")]
    before = contents(repository, [*images, *RESULTS])
    path = repository / "params.yaml"
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new))
    done = run(repository, *command.split(), PYTHONPATH="")
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert [line for line in output.splitlines() if line.startswith(message)], output
    assert "Traceback" not in output
    assert contents(repository, [*images, *RESULTS]) == before


def replace_trainings(repository: Path, code: str) -> None:
    """Put in place of a training what runs this code and, if nobody stops it, leaves a file."""
    lines = ["import os, signal, sys, time", code, "time.sleep(300)", "open('went on', 'w')"]
    (repository / "stages/train.py").write_text("\n".join(lines))


def kill_leftovers(folder: Path) -> int:
    """Kill the processes that run in a folder, but for this one; return how many there were."""
    running = [each for each in psutil.process_iter(["cwd"]) if each.info["cwd"] == str(folder)]
    left = [process for process in running if process.pid != os.getpid()]
    for process in left:
        process.kill()
    return len(left)


def test_training_that_fails(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stops the other at once, and the likely cause is named."""
    monkeypatch.chdir(repository)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    replace_trainings(repository, f"if {LAST!r} in sys.argv: os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(InputError) as error:
        repro.run_dvc(*BOTH)
    reason = f"train {LAST} was ended by SIGKILL, most likely for lack of memory"
    assert str(error.value).startswith(f"dvc {' '.join(BOTH[-1])} failed; {reason}")
    assert kill_leftovers(repository) == 0
    assert not Path("went on").exists()


def test_reason() -> None:
    """A signal is named as Python says it and as a shell does; others the stage itself explains."""
    said = "ERROR: failed to run: python -m stages.train one, exited with"
    for status, reason in (
        (-9, "train one was ended by SIGKILL, most likely for lack of memory"),
        (137, "train one was ended by SIGKILL"), (-4, "train one was ended by SIGILL"),
        (139, "train one was ended by SIGSEGV, most likely for a fault in a library"),
        (-99, "the reason is above"), (143, "the reason is above"), (1, "the reason is above"),
    ):  # fmt: skip
        assert repro.find_reason(f"{said} {status}", 255).startswith(reason)
    assert repro.find_reason("", -9).startswith("DVC was ended by SIGKILL")
    assert repro.find_reason("", 255) == "the reason is above"


def test_interrupt(repository: Path) -> None:
    """Every training is stopped, and the status names the signal."""
    replace_trainings(repository, "")
    process = start(repository, "stages", PYTHONPATH="")
    assert process.stdout
    waiting = {f"> python -m stages.train {variant}\n" for variant in VARIANTS}
    while waiting and (line := process.stdout.readline()):
        waiting -= {line}
    process.send_signal(signal.SIGINT)
    done = finish(process, patience=120)
    assert done.status == 128 + signal.SIGINT
    assert done.output.splitlines()[-1] == f"repro: interrupted; {GO_ON}"
    assert kill_leftovers(repository) == 0


# As DVC does when the interrupt comes just before it forks: starts the command, and ends.
START_AND_END = """
import signal, subprocess, sys, time
def start_and_end(*_):
    subprocess.Popen(["sleep", "100"])
    sys.exit(3)
signal.signal(signal.SIGINT, start_and_end)
print("ready", flush=True)
time.sleep(100)
"""
IGNORE = START_AND_END.replace("start_and_end)", "signal.SIG_IGN)")


@pytest.mark.parametrize(
    ("code", "patience", "status"), [(START_AND_END, 60, 3), (IGNORE, 0.1, -signal.SIGKILL)]
)
def test_stop_ends_what_was_being_started_and_what_ignores_an_interrupt(
    code: str, patience: float, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = subprocess.Popen.wait
    monkeypatch.setattr(
        subprocess.Popen, "wait", lambda p, timeout=None: wait(p, timeout and patience)
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    repro.stop(process)
    assert process.communicate(timeout=60)[0] == ""  # nobody holds its output any more
    assert process.returncode == status


def test_who_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has the lock and is no child, or, with `core.hardlink_lock`, left it before."""
    monkeypatch.chdir(tmp_path)
    assert message_of(repro.main).startswith("repro: expected dvc.yaml in this folder; run at the")
    Path(".dvc/tmp").mkdir(parents=True)
    with Lock(".dvc/tmp/lock"):
        own = f"(PID {os.getpid()}, user {psutil.Process().username()})"
        assert (describe_lock(time.time()) or "").endswith(own)
        with monkeypatch.context() as patch:
            patch.setattr(psutil.Process, "children", lambda *_, **__: [psutil.Process()])
            assert describe_lock(time.time()) is None
    assert describe_lock(time.time()) is None  # released; the file stays
    Path(".dvc/tmp/lock").write_text("elsewhere")
    said = describe_lock(time.time() + 60) or ""
    assert "the lock .dvc/tmp/lock; if no other DVC process works in this folder, stop" in said
    assert describe_lock(time.time() - 60) is None


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity here")
@pytest.mark.parametrize("processors", [1, 2])
def test_processors(processors: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only one may be used, one training comes after the other."""
    started: list[tuple[list[str], ...]] = []

    def run_dvc(*commands: list[str]) -> None:
        started.append(commands)
        if commands[0][0] == "status":
            raise InputError("there is something to run")

    monkeypatch.setattr(repro, "run_dvc", run_dvc)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(processors)))
    repro.run_stages()
    trainings = [tuple(BOTH)] * (processors - 1)
    assert started[1:] == [(["repro", "preprocess"],), *trainings, (["repro"],)]
