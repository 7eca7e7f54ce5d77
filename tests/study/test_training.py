"""`python -m study` on Dask's workers: what it trains, and what happens when something goes wrong.

Mostly with a stand-in for TensorFlow, in which nothing is learned.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import dask
import pandas as pd
import pytest

from experiment.data.split import Dataset
from experiment.parameters import load_parameters
from experiment.support.errors import GO_ON, InputError
from study.contrasts import BASE
from study.runs import STORE, WITHOUT_INFLUENCE, Store, parse_line
from study.table import RUNS
from study.training import cluster, worker
from study.training.replicate import RETRIES, hash_dataset
from tests.conftest import ROOT, set_parameters, synthetic_arrays
from tests.faults.processes import Done, finish, good, unfinished, wait_until
from tests.repository import EPOCHS
from tests.study.conftest import hold, is_held, make_study, set_grid, start_here, stored, study
from tests.study.made_up import make_entry
from tests.study.stand_in.training import named

ANOTHER = "study: expected no other study at work in this folder; found one; wait for it"
SEEDS = [0, 1, 2]


def results(folder: Path) -> tuple[list[str], bytes]:
    return stored(folder), (folder / RUNS).read_bytes()


def already(done: Done) -> str:
    [found] = re.findall(r"^study: (\d+ of \d+) runs are there already", done.output, re.MULTILINE)
    return str(found)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study in which nothing went wrong: two seeds on one worker, then a third on two."""
    folder = make_study(tmp_path_factory.mktemp("study") / "a study é", seeds=SEEDS[:2])
    assert already(good(study(folder))) == "0 of 4"
    before = stored(folder)
    set_grid(folder, seeds=SEEDS)
    done = good(study(folder, workers=2))
    assert already(done) == "4 of 6"
    assert {*before} < {*stored(folder)}
    assert "2 of 2 runs done, 0 failed" in done.output
    tried = {path.name: path.stat().st_size for path in (folder / "faults").iterdir()}
    assert tried == {f"tried {named(rate, seed)}": 1 for seed in SEEDS for rate in (0.0, 0.5)}
    return folder


def copy_before_its_runs(whole: Path, folder: Path) -> Path:
    shutil.copytree(whole, folder)
    (folder / STORE).unlink()
    (folder / RUNS).unlink()
    forget(folder)
    return folder


def forget(folder: Path) -> None:
    for mark in (folder / "faults").iterdir():
        mark.unlink()


def test_study_goes_on_whatever_stops_it(whole: Path, tmp_path: Path) -> None:
    """Ctrl-C, a request to end, a kill; a worker dies, runs fail, a line is damaged."""
    folder = copy_before_its_runs(whole, tmp_path / "study")
    stops = {
        signal.SIGINT: (named(0.5, 0), 1, "interrupted"),
        signal.SIGTERM: (named(0.0, 1), 2, "terminated"),
        signal.SIGKILL: (named(0.5, 1), 3, ""),
    }
    for number, (run, finished, word) in stops.items():
        held = hold(folder, run)
        process = start_here(folder, "study", "--workers=1")
        wait_until(is_held(folder, run, finished=finished), process)
        if number == signal.SIGINT:  # as a terminal sends it: to all processes
            second = study(folder)
            assert (second.status, second.output.startswith(ANOTHER)) == (1, True)
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        done = finish(process)  # with its worker, though that was busy
        assert done.status == (-number if number == signal.SIGKILL else 128 + number), done.output
        assert not word or f"study: {word}; {GO_ON}" in done.output.splitlines(), done.output
        assert "Traceback" not in done.output, done.output
        held.unlink()

    forget(folder)
    killed, fails, dies = named(0.5, 1), named(0.0, 2), named(0.5, 2)
    held = hold(folder, killed)
    for fault, run in (("fail", fails), ("die", dies)):
        (folder / f"faults/{fault} {run}").touch()
    process = start_here(folder, "study", "--workers=2")
    wait_until(is_held(folder, killed, finished=3), process)
    os.kill(int((folder / f"faults/held {killed}").read_text()), signal.SIGKILL)
    held.unlink()
    done = finish(process)
    assert done.status == 1
    assert "Traceback" not in done.output, done.output
    found = re.findall(r"^study  failed: .*seed=(\d)\b.*?: (.*)$", done.output, re.MULTILINE)
    assert sorted(found) == [
        ("2", "ValueError: a fault that was injected"),
        ("2", "each worker that trained it died; is there enough memory (3 GB a worker)?"),
    ]
    last = done.output.splitlines()[-1]
    assert last == f"study: 2 runs failed, with the errors above; {GO_ON}"
    marks = (folder / "faults").glob("tried *")
    tried = {path.name.removeprefix("tried "): path.stat().st_size for path in marks}
    # Once more where the worker that has its result goes on to `dies` before that is fetched.
    assert tried.pop(killed) in (2, 3)
    assert tried.pop(fails) in (1 + RETRIES, 2 + RETRIES)
    assert tried == {dies: 4}

    forget(folder)
    torn = (folder / STORE).read_text().splitlines(keepends=True)
    (folder / STORE).write_text(torn[0] + torn[1].replace("0", "1", 1) + torn[2] + torn[3][:-50])
    done = good(study(folder))
    for line in (2, 4):
        said = rf"^study: {STORE}, line {line}: dropped, damaged \(.+\); the run is trained again$"
        assert re.search(said, done.output, re.MULTILINE), done.output
    assert already(done) == "2 of 6"
    assert unfinished(folder) == []
    assert results(folder) == results(whole)


def test_more_seeds(whole: Path, tmp_path: Path) -> None:
    """`--seeds N`: both variants with the first N seeds besides params.yaml's; it goes on."""
    folder = copy_before_its_runs(whole, tmp_path / "study")
    set_parameters(folder, train__dropout_rate=0.2, train__seed=1)
    held = hold(folder, named(0.2, 2))
    process = start_here(folder, "study", "--seeds=3", "--workers=1")
    wait_until(is_held(folder, named(0.2, 2), finished=3), process)
    process.kill()
    said = finish(process).output
    assert "0 of 6 runs are there already; the others take about 0 minutes of one core" in said
    held.unlink()
    assert already(good(study(folder, "--seeds=3"))) == "3 of 6"
    found = pd.read_csv(folder / RUNS)[["placement", "dropout_rate", "seed"]].to_numpy().tolist()
    assert found == [["dense", 0.2, n] for n in (0, 2, 3)] + [["none", 0.0, n] for n in (0, 2, 3)]
    again = good(study(folder, "--seeds=2"))
    assert "study: all 4 runs are there: nothing to train" in again.output


@contextmanager
def remote_cluster(folder: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A scheduler and a worker on loopback: the address, and the scheduler's process."""
    where = folder / "scheduler.json"
    where.unlink(missing_ok=True)
    common = [f"--scheduler-file={where}", "--no-dashboard"]
    name = "distributed.cli.dask_scheduler"
    started = [start_here(folder, name, *common, "--host=127.0.0.1", "--port=0")]
    try:
        wait_until(lambda: where.exists() and where.stat().st_size > 0, started[0])
        name, more = "distributed.cli.dask_worker", ["--nthreads=1", "--no-nanny"]
        started.append(start_here(folder, name, *common, *more))
        yield json.loads(where.read_text())["address"], started[0]
    finally:
        for process in reversed(started):
            process.kill()
            process.communicate()


def test_remote_cluster(whole: Path, tmp_path: Path) -> None:
    """Found through DASK_SCHEDULER_ADDRESS; the scheduler is killed in the middle of a run."""
    folder = copy_before_its_runs(whole, tmp_path / "study")
    run = named(0.5, 2)
    held = hold(folder, run)
    with remote_cluster(folder) as (address, scheduler):
        process = start_here(folder, "study", DASK_SCHEDULER_ADDRESS=address)
        wait_until(is_held(folder, run, finished=5), process)
        scheduler.kill()
        stopped = finish(process)
    assert stopped.status == 1
    assert "Traceback" not in stopped.output, stopped.output
    assert re.search(r"seed=2\b.*: the cluster has gone", stopped.output)
    held.unlink()
    with remote_cluster(folder) as (address, _):
        again = good(study(folder, DASK_SCHEDULER_ADDRESS=address))
    assert already(again) == "5 of 6"
    assert results(folder) == results(whole)


@pytest.mark.parametrize(
    ("found", "difference"),
    [
        ({"sets": "A B", "numerics": "2"}, "numerics: expected 1, found 2"),
        ({"sets": "A B", "numerics": "1", "threads": "2"}, "threads: expected None, found 2"),
        ({"numerics": "1"}, "sets: expected A B, found None"),
        ({"sets": "A B", "numerics": "1"}, ""),
    ],
)
def test_worker_with_other_software_is_refused(
    found: dict[str, str], difference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "describe_conditions", lambda threads, instructions: found)
    planned = replace(make_entry(BASE), conditions={"sets": "A B", "numerics": "1"})
    # If it is alike it looks for its images, but there is no worker here.
    error = (InputError, f"in {difference};") if difference else (ValueError, "No worker")
    with pytest.raises(error[0], match=error[1]):
        worker.train(planned)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1", "", 8786, "foo://a:1", None])
def test_wrong_address_is_one_line(address: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "ANSWER", 0.5)
    train = load_parameters(ROOT / "params.yaml").train
    with socket.create_server(("127.0.0.1", 0)) as server:  # which is not Dask's: never answers
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}" if address is None else address
        with (
            dask.config.set({"scheduler-address": address}),
            pytest.raises(InputError) as caught,
            cluster.connected(train, None),
        ):
            pass
    expected = f"DASK_SCHEDULER_ADDRESS {address!r}: expected a scheduler, such as tcp://HOST:8786"
    assert str(caught.value).startswith(expected)
    assert "\n" not in str(caught.value)


def test_hash_of_a_dataset() -> None:
    """It is of content, type and shape."""
    arrays = synthetic_arrays()
    x, y = arrays["x_train"], arrays["y_train"]
    other = x.copy()
    other[0, 0, 0] ^= 1
    base = Dataset(**arrays)
    others = [
        replace(base, x_train=other),
        replace(base, x_test=arrays["x_test"][::-1]),
        replace(base, y_train=y.astype("u2")),
        replace(base, x_train=x.reshape(-1, 4, 16)),
    ]
    assert len({hash_dataset(each) for each in (base, *others)}) == 5
    assert hash_dataset(base) == hash_dataset(replace(base, x_train=x.copy()))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study, really trained, with the parameters of the pipeline `finished`."""
    folder = tmp_path_factory.mktemp("study") / "one"
    make_study(folder, stand_in=False, seeds=[0], dropout_rates=[0.5, 0.0])
    set_parameters(folder, train__epochs=EPOCHS)
    assert "Traceback" not in good(study(folder)).output
    return folder


def test_runs_have_the_pipelines_numbers(real: Path, finished: Path) -> None:
    """Each of the pipeline's networks was trained in a process of its own, these in one."""
    table = pd.read_csv(real / RUNS, float_precision="round_trip")
    assert table["placement"].tolist() == ["dense", "none"]
    lines = {entry.setting.dropout_rate: entry for entry in Store(real / STORE).entries.values()}
    for rate, variant in ((0.0, "no_dropout"), (0.5, "dropout")):
        metrics = json.loads((finished / f"metrics/{variant}.json").read_text())
        [row] = table[table["dropout_rate"] == rate].to_dict("records")
        assert {name: row[name] for name in metrics} == metrics
        curve = pd.read_csv(finished / f"plots/{variant}.csv", float_precision="round_trip")
        assert curve.drop(columns="epoch").to_dict("list") == lines[rate].curve
    committed = next(iter(Store(ROOT / STORE).entries.values()))
    names = [{*each.conditions} - {*WITHOUT_INFLUENCE} for each in (committed, lines[0.5])]
    assert names[0] == names[1]
    assert lines[0.5].setting.filters == 2


def test_again(real: Path, tmp_path: Path) -> None:
    """A stored run is trained again; its line is replaced only if no figure is another."""
    folder = shutil.copytree(real, tmp_path / "study")
    lines = (folder / STORE).read_text().splitlines(keepends=True)
    old, other = (parse_line(line) for line in lines)
    fewer = {name: value for name, value in old.metrics.items() if "last_five" not in name}
    old = replace(old, format=1, test_errors=None, calibration=None, metrics=fewer)
    other = replace(other, metrics={**other.metrics, "test_loss": 0.5})
    (folder / STORE).write_text(old.to_line() + other.to_line())
    keys = [json.loads(line)["key"] for line in lines]
    done = study(folder, "--again", keys[0][:8], keys[1][:8])
    assert (folder / STORE).read_text() == lines[0] + other.to_line()
    assert done.status == 1
    expected = r"failed: .*: the stored line stays, .* differs: test_loss: 0.5 stored, [\d.]+ now"
    assert re.search(expected, done.output)
    for text, expected in (("zz", "found 0 runs"), ("", "found 2 runs")):
        assert expected in study(folder, "--again", text).output
    set_parameters(folder, train__learning_rate=0.5)
    refused = study(folder, "--again", keys[0])
    assert refused.status == 1
    assert "--again: expected runs of this params.yaml" in refused.output
    assert (folder / STORE).read_text() == lines[0] + other.to_line()
