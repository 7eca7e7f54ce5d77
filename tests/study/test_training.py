"""`python -m study` on Dask's workers: what it trains, and what happens when something goes wrong.

Mostly with a stand-in for TensorFlow, in which nothing is learned.
"""

import json
import os
import re
import shutil
import signal
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import dask
import pandas as pd
import pytest
from distributed import Client, KilledWorker, LocalCluster
from distributed.scheduler import WorkerState

from experiment.data.split import Dataset
from experiment.support.errors import GO_ON, InputError
from study.runs import STORE, WITHOUT_INFLUENCE, Entry, Store, parse_line
from study.table import RUNS
from study.training import cluster, replicate, worker
from study.training.replicate import RETRIES, hash_dataset
from tests.conftest import ROOT, set_parameters, synthetic_arrays
from tests.faults.processes import Done, finish, good, start, unfinished, wait_until
from tests.repository import EPOCHS
from tests.study.conftest import (
    hold,
    is_held,
    make_study,
    set_grid,
    stored,
    study,
    studying,
    variables_of,
    with_stand_in,
)
from tests.study.made_up import run as run_of
from tests.study.stand_in.training import named

ANOTHER = (
    "study: expected no other study at work in this folder; found one; wait for it, or stop it\n"
)
SEEDS = [0, 1, 2]


def results(folder: Path) -> tuple[list[str], bytes]:
    return stored(folder), (folder / RUNS).read_bytes()


def already(done: Done) -> str:
    [found] = re.findall(r"^study: (\d+ of \d+) runs are there already", done.output, re.MULTILINE)
    return str(found)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study in which nothing went wrong: two seeds on one worker, then a third on two."""
    folder = tmp_path_factory.mktemp("study") / "a study é"
    with_stand_in(make_study(folder, seeds=SEEDS[:2]))
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
        process = studying(folder)
        wait_until(is_held(folder, run, finished=finished), process)
        if number == signal.SIGINT:  # as a terminal sends it: to all processes
            second = study(folder)
            assert (second.status, second.output) == (1, ANOTHER)
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
    process = start(folder, "study", "--workers", "2", **variables_of(folder))
    wait_until(is_held(folder, killed, finished=3), process)
    os.kill(int((folder / f"faults/held {killed}").read_text()), signal.SIGKILL)
    held.unlink()
    done = finish(process)
    assert done.status == 1
    assert "Traceback" not in done.output, done.output
    found = re.findall(r"^study  failed: .*seed=(\d).*?\): (.*)$", done.output, re.MULTILINE)
    assert sorted(found) == [
        ("2", "ValueError: a fault that was injected"),
        ("2", "each worker that trained it died; is there enough memory?"),
    ]
    last = done.output.splitlines()[-1]
    assert last == f"study: 2 runs failed, with the errors above; {GO_ON}"
    tried = {
        path.name.removeprefix("tried "): path.stat().st_size
        for path in (folder / "faults").glob("tried *")
    }
    # Once more where the worker that has its result goes on to `dies` before that is fetched.
    assert tried.pop(killed) in (2, 3)
    assert tried == {fails: 1 + RETRIES, dies: 4}

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
    process = studying(folder, "--seeds", "3")
    wait_until(is_held(folder, named(0.2, 2), finished=3), process)
    process.kill()
    said = finish(process).output
    expected = "study: 0 of 6 runs are there already; the others take about 0 minutes of one core"
    assert expected in said
    held.unlink()
    assert already(good(study(folder, "--seeds", "3"))) == "3 of 6"
    found = pd.read_csv(folder / RUNS)[["placement", "dropout_rate", "seed"]].to_numpy().tolist()
    assert found == [["dense", 0.2, n] for n in (0, 2, 3)] + [["none", 0.0, n] for n in (0, 2, 3)]
    again = good(study(folder, "--seeds", "2"))
    assert "study: all 4 runs are there: nothing to train" in again.output


@contextmanager
def remote_cluster(folder: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A scheduler and a worker on loopback: the address, and the scheduler's process."""
    where = folder / "scheduler.json"
    where.unlink(missing_ok=True)
    environment = variables_of(folder)
    common = ["--scheduler-file", str(where), "--no-dashboard"]
    scheduler = start(
        folder, "distributed.cli.dask_scheduler", *common, "--host", "127.0.0.1", "--port", "0",
        **environment,
    )  # fmt: skip
    started = [scheduler]
    try:
        wait_until(lambda: where.exists() and where.stat().st_size > 0, scheduler)
        more = ["--nthreads", "1", "--no-nanny"]
        started.append(start(folder, "distributed.cli.dask_worker", *common, *more, **environment))
        yield json.loads(where.read_text())["address"], scheduler
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
        process = studying(folder, DASK_SCHEDULER_ADDRESS=address)
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


@contextmanager
def foreign_server() -> Iterator[str]:
    """The address of a server that is not Dask's and waits for a request."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while self.request.recv(1024):
                pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_wrong_address_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "ANSWER", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with foreign_server() as foreign:
        for address in (
            "tcp://127.0.0.1",
            "",
            8786,
            "foo://a:1",
            f"tcp://127.0.0.1:{port}",
            foreign,
        ):
            with (
                dask.config.set({"scheduler-address": address}),
                pytest.raises(InputError) as caught,
                cluster.connected(threads=1, workers=None),
            ):
                pass
            expected = (
                "DASK_SCHEDULER_ADDRESS: expected the address of a Dask scheduler, such as"
                f" tcp://HOST:8786; found {str(address)!r} ("
            )
            assert str(caught.value).startswith(expected)
            assert "\n" not in str(caught.value)


def test_scheduler_without_workers(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("UNTIL_SAID", "UNTIL_GIVEN_UP"):
        monkeypatch.setattr(cluster, name, 0.1)
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=None) as scheduler,
        Client(scheduler) as client,
        pytest.raises(InputError) as caught,
    ):
        cluster._wait_for_worker(client, "tcp://a")
    remedy = "start one with python -m distributed.cli.dask_worker tcp://a --nthreads 1"
    assert f"study: waiting for a worker at tcp://a; {remedy}\n" in capfd.readouterr().err
    assert str(caught.value) == f"expected a worker at tcp://a; found none in 0.1 seconds; {remedy}"


class Unable:
    """Stands for a client of a cluster that cannot run this code."""

    def __init__(self, error: Exception, cause: Exception | None) -> None:
        self.error, self.cause = error, cause

    def submit(self, *_: object, **__: object) -> "Unable":
        return self

    def result(self) -> None:
        raise self.error from self.cause


NO_MODULE = ModuleNotFoundError("No module named 'study'")


@pytest.mark.parametrize(
    ("error", "cause", "raised", "expected"),
    [
        (NO_MODULE, None, InputError, "No module named 'study'; start them in this folder"),
        (RuntimeError("deserialization"), NO_MODULE, InputError, "No module named 'study'; start"),
        (KilledWorker("a", WorkerState.__new__(WorkerState), 3), None, InputError, "memory"),
        (RuntimeError("a fault"), None, RuntimeError, "a fault"),  # it keeps its traceback
    ],
)
def test_cluster_that_cannot_run_this_code(
    error: Exception, cause: Exception | None, raised: type[Exception], expected: str
) -> None:
    with pytest.raises(raised, match=expected):
        replicate._describe_conditions(Unable(error, cause), {})  # type: ignore[arg-type]


EXPECTED = {"instruction_sets": "A B", "numerics": "1"}


@pytest.mark.parametrize(
    ("found", "difference"),
    [
        (EXPECTED | {"numerics": "2"}, "numerics: expected 1, found 2"),
        (EXPECTED | {"threads": "2"}, "threads: expected None, found 2"),
        ({"numerics": "1"}, "instruction_sets: expected A B, found None"),
        (EXPECTED, None),
    ],
)
def test_worker_with_other_software_is_refused(
    found: dict[str, str], difference: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "describe_conditions", lambda threads, instructions: found)
    where: dict[str, Any] = {"settings": {}, "threads": 1, "instructions": "avx2"}
    # If it is alike it looks for its images, but there is no worker here.
    error = (ValueError, "No worker") if difference is None else (InputError, f"in {difference};")
    with pytest.raises(error[0], match=error[1]):
        worker.train(run_of(0.5), **where, expected=EXPECTED)


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
    folder = make_study(tmp_path_factory.mktemp("study") / "one", seeds=[0], rates=[0.5, 0.0])
    set_parameters(folder, train__epochs=EPOCHS)
    assert "Traceback" not in good(study(folder)).output
    return folder


def test_runs_have_the_pipelines_numbers(real: Path, finished: Path) -> None:
    """Each of the pipeline's networks was trained in a process of its own, these in one."""
    table = pd.read_csv(real / RUNS, float_precision="round_trip")
    assert table["placement"].tolist() == ["dense", "none"]
    lines = {entry.run.dropout_rate: entry for entry in Store(real / STORE).entries.values()}
    for rate, variant in ((0.0, "no_dropout"), (0.5, "dropout")):
        metrics = json.loads((finished / f"metrics/{variant}.json").read_text())
        [row] = table[table["dropout_rate"] == rate].to_dict("records")
        assert {name: row[name] for name in metrics} == metrics
        curve = pd.read_csv(finished / f"plots/{variant}.csv", float_precision="round_trip")
        assert curve.to_dict("records") == lines[rate].curve
    committed = next(iter(Store(ROOT / STORE).entries.values()))
    here = lines[0.5]
    names = [{*entry.conditions} - {*WITHOUT_INFLUENCE} for entry in (committed, here)]
    assert names[0] == names[1]
    assert here.setting.filters == 2


def test_again(real: Path, tmp_path: Path) -> None:
    """A stored run is trained again; its line is replaced only if no figure is another."""
    folder = shutil.copytree(real, tmp_path / "study")
    lines = (folder / STORE).read_text().splitlines(keepends=True)
    old, other = (vars(parse_line(line)).copy() for line in lines)
    old |= {"format": 1, "test_errors": None, "calibration": None}
    old["metrics"] = {n: v for n, v in old["metrics"].items() if "last_five" not in n}
    other["metrics"] = other["metrics"] | {"test_loss": 0.5}
    written = [Entry(**content).to_line() for content in (old, other)]
    (folder / STORE).write_text("".join(written))
    keys = [json.loads(line)["key"] for line in lines]
    done = study(folder, "--again", keys[0][:8], keys[1][:8])
    assert (folder / STORE).read_text() == lines[0] + written[1]
    assert done.status == 1
    assert re.search(
        r"failed: Run.*: the stored line stays, .* differs: test_loss: 0.5 stored, [\d.]+ now",
        done.output,
    )
    for text, expected in (("zz", "found 0 runs"), ("", "found 2 runs")):
        assert expected in study(folder, "--again", text).output
    set_parameters(folder, train__learning_rate=0.5)
    refused = study(folder, "--again", keys[0])
    assert refused.status == 1
    assert "--again: expected runs of this params.yaml" in refused.output
    assert (folder / STORE).read_text() == lines[0] + written[1]
