"""`python -m study` on Dask's workers: what it trains, and what happens when something goes wrong.

Mostly with a stand-in for the training, in which nothing is learned and TensorFlow is not started.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from unittest import mock

import dask
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster
from ruamel.yaml import YAML

from experiment.data.split import Dataset
from experiment.parameters import load_parameters, read_parameters
from experiment.support.errors import GO_ON, InputError
from experiment.variants import VARIANTS
from study import __main__ as command
from study.grid import PARAMETERS, StudyParameters, plan_runs
from study.runs import STORE, WITHOUT_INFLUENCE, Store, parse_line, setting_of
from study.table import RUNS
from study.training import cluster, replicate, worker
from tests.conftest import ROOT, make_tiny, set_parameters, synthetic_arrays, write_known
from tests.faults.processes import Done, finish, good, start, unfinished, wait_until
from tests.repository import EPOCHS
from tests.study.made_up import MAIN, make_entry, make_setting, write_lines
from tests.study.stand_in.one_run import name_run

# A cluster of the user's is not for tests.
os.environ.pop("DASK_SCHEDULER_ADDRESS", None)

STAND_INS = {"one_run.py": "study/training", "training.py": "experiment/network"}


def make_study(folder: Path, *seeds: int) -> Path:
    """A folder with a tiny study and a copy of the code in which nothing trains; no Git, no DVC."""
    ignored = shutil.ignore_patterns("__pycache__", "params.yaml", "runs.jsonl")
    for name in ("experiment", "study"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name, where in STAND_INS.items():
        shutil.copy(Path(__file__).parent / "stand_in" / name, folder / where)
    shutil.copy(ROOT / "params.yaml", folder)
    make_tiny(folder, epochs=2)
    (folder / "faults").mkdir()
    set_seeds(folder, *seeds)
    return folder


def set_seeds(folder: Path, *seeds: int, datasets: Sequence[str] = ("own/tiny.npz",)) -> None:
    """Writes study/params.yaml, with a block for each data set."""
    block = {"dropout_rates": [0.0, 0.5], "placements": ["dense"], "train_samples": None,
             "epochs": None, "seeds": [*seeds]}  # fmt: skip
    with (folder / "study/params.yaml").open("w", encoding="utf-8") as file:
        YAML().dump({"grid": [{"dataset": name, **block} for name in datasets]}, file)


def start_study(folder: Path, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
    return start(folder, "study", *arguments, PYTHONPATH=str(folder), **variables)


def end(process: "subprocess.Popen[str]") -> Done:
    done = finish(process)
    assert "Traceback" not in done.output, done.output
    return done


def study(folder: Path, *arguments: str) -> Done:
    """Runs `python -m study` to its end."""
    return end(start_study(folder, *arguments))


def set_fault(folder: Path, fault: str, rate: float, seed: int) -> Path:
    path = folder / f"faults/{fault} {name_run(rate, seed)}"
    path.touch()
    return path


def wait_for_hold(hold: Path, process: "subprocess.Popen[str]", *, stored: int) -> Path:
    """Waits until a run waits and so many others are stored; has the process of the run in it."""
    held = hold.with_name(hold.name.replace("hold", "held"))
    folder = hold.parents[1]
    wait_until(lambda: held.exists() and len(read_lines(folder)) == stored, process)
    return held


def read_lines(folder: Path) -> list[str]:
    """The lines of the store, sorted: they stand there in the order in which runs ended."""
    path = folder / STORE
    return sorted(path.read_text("utf-8").splitlines(keepends=True)) if path.exists() else []


def clear_faults(folder: Path) -> None:
    for path in (folder / "faults").iterdir():
        path.unlink()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study in which nothing went wrong."""
    folder = make_study(tmp_path_factory.mktemp("study") / "a study é", 0, 1, 2)
    started = time.monotonic()
    done = good(study(folder, "--workers=2"))
    assert "study: 0 of 6 runs are there already" in done.output
    [speed] = re.findall(r"6 of 6 runs done, 0 failed: (\S+) runs per hour", done.output)
    assert float(speed) > 6 * 3600 / (time.monotonic() - started)
    clear_faults(folder)
    return folder


def test_study_goes_on_whatever_stops_it(whole: Path, tmp_path: Path) -> None:
    """Ctrl-C, a request to end, a kill; a worker dies, runs fail, a line is damaged."""
    folder = make_study(tmp_path / "study", 0, 1)
    for number, rate, seed, stored, word in (
        (signal.SIGINT, 0.5, 0, 1, "interrupted"),
        (signal.SIGTERM, 0.0, 1, 2, "terminated"),
        (signal.SIGKILL, 0.5, 1, 3, ""),
    ):
        hold = set_fault(folder, "hold", rate, seed)
        process = start_study(folder, "--workers=1")
        wait_for_hold(hold, process, stored=stored)
        if number == signal.SIGINT:  # as a terminal sends it: to all processes
            second = study(folder)
            assert second.status == 1
            assert second.output.startswith("study: expected no other study at work in this folder")
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        done = end(process)  # with its worker, though that was busy
        assert done.status == (-number if number == signal.SIGKILL else 128 + number), done.output
        assert not word or f"study: {word}; {GO_ON}" in done.output.splitlines(), done.output
        clear_faults(folder)

    set_seeds(folder, 0, 1, 2)
    hold = set_fault(folder, "hold", 0.5, 1)
    set_fault(folder, "fail", 0.0, 2)
    set_fault(folder, "die", 0.5, 2)
    process = start_study(folder, "--workers=2")
    held = wait_for_hold(hold, process, stored=3)
    os.kill(int(held.read_text()), signal.SIGKILL)
    hold.unlink()
    done = end(process)
    found = re.findall(r"^study  failed: .*seed=(\d)\b.*?: (.*)$", done.output, re.MULTILINE)
    assert sorted(found) == [
        ("2", "ValueError: a fault that was injected"),
        ("2", "each worker that trained it died; is there enough memory (3 GB a worker)?"),
    ]
    last = f"study: 2 runs failed, with the errors above; {GO_ON}"
    assert (done.status, done.output.splitlines()[-1]) == (1, last)
    # Once more where a worker dies while it is there.
    assert (folder / f"faults/tried {name_run(0.0, 2)}").stat().st_size in (3, 4)
    clear_faults(folder)

    lines = (folder / STORE).read_text().splitlines(keepends=True)
    lines[1] = lines[1].replace("0", "1", 1)
    (folder / STORE).write_text("".join(lines)[:-50])
    done = good(study(folder, "--workers=1"))
    for line in (2, 4):
        said = rf"^study: {STORE}, line {line}: dropped, damaged \(.+\); the run is trained again$"
        assert re.search(said, done.output, re.MULTILINE), done.output
    assert "study: 2 of 6 runs are there already" in done.output
    assert unfinished(folder) == []
    assert read_lines(folder) == read_lines(whole)
    assert (folder / RUNS).read_bytes() == (whole / RUNS).read_bytes()


def test_remote_cluster(whole: Path, tmp_path: Path) -> None:
    """Found through DASK_SCHEDULER_ADDRESS; the scheduler is killed in the middle of a run."""
    folder = make_study(tmp_path / "study", 0, 1, 2)
    hold, where = set_fault(folder, "hold", 0.5, 2), folder / "scheduler.json"
    started: list[subprocess.Popen[str]] = []
    try:
        for kind in ("scheduler --host=127.0.0.1 --port=0", "worker --nthreads=1 --no-nanny"):
            command = f"distributed.cli.dask_{kind} --no-dashboard".split()
            command.append(f"--scheduler-file={where}")
            started.append(start(folder, *command, PYTHONPATH=str(folder)))
            wait_until(lambda: where.exists() and where.stat().st_size > 0, started[0])
        address = json.loads(where.read_text())["address"]
        process = start_study(folder, DASK_SCHEDULER_ADDRESS=address)
        wait_for_hold(hold, process, stored=5)
        started[0].kill()
        stopped = end(process)
    finally:
        for each in started:
            each.kill()
            each.communicate()
    assert stopped.status == 1
    assert re.search(r"seed=2\b.*: the cluster has gone", stopped.output)
    assert {*read_lines(folder)} < {*read_lines(whole)}


def test_worker_with_other_software_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    planned = replace(make_entry(make_setting(0.5)), conditions={"sets": "A B"})
    lock = mock.MagicMock()
    monkeypatch.setattr(worker, "_ONE_AT_A_TIME", lock)
    for found, reason in (
        ({"sets": "A B", "threads": "2"}, "in threads: expected None, found 2;"),
        ({}, "in sets: expected A B, found None;"),
        ({"sets": "A B"}, "No worker"),  # if it is alike it looks for its images
    ):
        monkeypatch.setattr(worker, "describe_conditions", lambda *_, found=found: found)
        with pytest.raises((InputError, ValueError), match=reason):
            worker.train(planned)
    assert lock.__enter__.call_count == 3  # no run at the same time as another


def refusal(address: object) -> str:
    """What is said of a scheduler, on a machine of five cores, with two threads for a training."""
    train = load_parameters(ROOT / "params.yaml").train.model_copy(update={"threads": 2})
    with (
        dask.config.set({"scheduler-address": address}),
        pytest.raises(InputError) as caught,
        cluster.connected(train, None),
    ):
        pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_cluster_that_cannot_train_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No address, no answer, no worker, a worker's own address, other packages; no cluster here."""
    with monkeypatch.context() as patch, socket.create_server(("127.0.0.1", 0)) as server:
        patch.setattr(cluster, "ANSWER", 0.5)
        for address in (8786, f"tcp://127.0.0.1:{server.getsockname()[1]}"):
            expected = f"{address!r}: expected a scheduler, such as tcp://HOST:8786"
            assert refusal(address).startswith(f"DASK_SCHEDULER_ADDRESS {expected}")
    monkeypatch.setattr(cluster, "PATIENCE", 0.5)
    versions = mock.Mock(side_effect=ValueError("other packages"))
    monkeypatch.setattr(Client, "get_versions", versions)
    with LocalCluster(n_workers=0, processes=False, protocol="tcp", dashboard_address=":0") as one:
        closing = threading.Timer(60, one.close)
        closing.start()
        assert "; found WorkerStartTimeoutError: Only 0/1" in refusal(one.scheduler_address)
        waiting = f"study: waiting for a worker at {one.scheduler_address}\n"
        assert capsys.readouterr().err == waiting
        one.scale(1)
        one.wait_for_workers(1)
        assert "; found ValueError: a Worker;" in refusal(one.workers[0].address)
        assert "; found ValueError: other packages;" in refusal(one.scheduler_address)
        versions.assert_called_with(check=True)
        closing.cancel()
    monkeypatch.setattr(cluster, "CPU_COUNT", 5)
    with mock.patch.object(cluster, "LocalCluster", side_effect=OSError("no port")) as local:
        assert refusal(None).startswith("this machine: expected a scheduler")
    assert local.call_args.kwargs["n_workers"] == 2


def test_facts_of_a_dataset() -> None:
    """Its hash, of content, type and shape, is in stored runs; what it says of images and time."""
    base = Dataset(**synthetic_arrays())
    changed = [
        base,
        replace(base, x_test=base.x_test ^ 1),
        replace(base, y_test=base.y_test[::-1]),
        replace(base, y_train=base.y_train.astype("u2")),
        replace(base, x_train=base.x_train.reshape(-1, 4, 16)),
    ]
    assert len({replicate.hash_dataset(each) for each in changed}) == 5
    assert replicate.hash_dataset(base).startswith("155040cee5e69340")
    params = load_parameters(ROOT / "params.yaml")
    how = params.preprocess.model_copy(update={"validation_split": 0.25, "train_samples": 3})
    assert replicate.count_images(base, params.model_copy(update={"preprocess": how})) == 90
    full = replace(base, y_train=np.zeros(60_000, np.uint8))
    minutes = replicate.count_work(make_entry(MAIN), {"mnist": full}) / replicate.IMAGES_PER_MINUTE
    assert minutes == pytest.approx(3.4)


def test_data_sets_and_runs_that_are_trained(
    in_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All data sets of the grid, a known one from a file put there; own images may be new ones."""
    arrays, nowhere = synthetic_arrays(seed=1), {"name": "-", "form": "npz", "location": "nowhere"}
    write_known(Path("data/bars"), arrays, nowhere)
    replicate.OF_THE_PIPELINE.parent.mkdir()
    np.savez(replicate.OF_THE_PIPELINE, **arrays)  # type: ignore[arg-type]
    PARAMETERS.parent.mkdir()
    set_seeds(in_workspace, 0, 1, datasets=("own/tiny.npz", "bars"))
    params, images = load_parameters(), {"own/tiny.npz": 96, "bars": 96}
    grid = plan_runs(read_parameters(PARAMETERS, StudyParameters), params, images)
    entries = [replace(make_entry(*run), available=96) for run in grid]
    more = replace(entries[0], setting=replace(entries[0].setting, further='{"l2": 0.1}'))
    STORE.write_text(write_lines([*entries, more]))
    trained = mock.Mock()
    monkeypatch.setattr(command, "train_missing", trained)
    command.train_new(params, None, 3)
    command.train_again([more.key[:9]], params, 2)
    (runs, datasets, *others), (again, _, *its) = (call.args for call in trained.call_args_list)
    assert (runs, [*datasets], others) == (grid, ["own/tiny.npz", "bars"], [params, 3])
    assert (again, its) == ([(more.setting, 0)], [params, 2])
    assert [*trained.call_args.kwargs["again"]] == [more]
    replicate.OF_THE_PIPELINE.unlink()  # it is got once
    assert np.array_equal(replicate.load_datasets(["bars"])["bars"].x_train, arrays["x_train"])


def test_again(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stored run is trained again; its line is replaced only if no figure is another."""
    folder = shutil.copytree(whole, tmp_path / "study")
    lines = (folder / STORE).read_text().splitlines(keepends=True)[:2]
    old, other = (parse_line(line) for line in lines)
    fewer = {name: value for name, value in old.metrics.items() if "last_five" not in name}
    old = replace(old, format=1, test_errors=None, calibration=None, metrics=fewer)
    other = replace(other, metrics={**other.metrics, "test_accuracy": 0.5})
    (folder / STORE).write_text(old.to_line() + other.to_line())
    set_parameters(folder, train__learning_rate=0.002)  # not the runs' own
    done = study(folder, "--again", old.key[:8], other.key[:8])
    assert done.status == 1
    assert re.search("failed: .*the stored line stays, .*: test_accuracy: 0.5 stored", done.output)
    np.savez(folder / "data/own/tiny.npz", **synthetic_arrays(seed=1))  # type: ignore[arg-type]
    assert "--again: expected runs of these images" in study(folder, "--again", old.key).output
    assert (folder / STORE).read_text() == lines[0] + other.to_line()
    monkeypatch.chdir(folder)
    for start_of_key, number in (("zz", 0), ("", 2)):
        with pytest.raises(InputError, match=f"found {number} runs; copy more digits"):
            command.train_again([start_of_key], load_parameters(), 1)


def test_more_seeds_have_the_pipelines_numbers(tmp_path: Path, finished: Path) -> None:
    """`--seeds N`: both variants with the first N seeds besides params.yaml's, really trained.

    Each of the pipeline's networks was trained in a process of its own, these in one.
    """
    folder = tmp_path / "study"
    (folder / "study").mkdir(parents=True)
    shutil.copy(finished / "params.yaml", folder)
    make_tiny(folder, epochs=EPOCHS)
    own = load_parameters(folder / "params.yaml").train.seed
    set_parameters(folder, train__seed=1 - own)
    good(finish(start(folder, "study", "--seeds=2", "--workers=1", PYTHONPATH=str(ROOT))))
    entries = [*Store(folder / STORE).entries.values()]
    params = load_parameters(folder / "params.yaml")
    settings = {name: setting_of(params, name, 96) for name in VARIANTS}
    wanted = [(setting, seed) for seed in (own, 2) for setting in settings.values()]
    assert [(entry.setting, entry.seed) for entry in entries] == wanted
    for entry, name in zip(entries, VARIANTS, strict=False):
        metrics = json.loads((finished / f"metrics/{name}.json").read_text())
        assert {key: entry.metrics[key] for key in metrics} == metrics
        curve = pd.read_csv(finished / f"plots/{name}.csv", float_precision="round_trip")
        assert curve.drop(columns="epoch").to_dict("list") == entry.curve
    for committed in [*Store(ROOT / STORE).entries.values()][:1]:  # a new repository has none
        names = [{*each.conditions} - {*WITHOUT_INFLUENCE} for each in (committed, entries[0])]
        assert names[0] == names[1]
