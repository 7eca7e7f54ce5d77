"""Training on a cluster of separate processes, found through the environment."""

import asyncio
import json
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import dask
import pytest
from distributed import Client, KilledWorker, LocalCluster

from experiment.support.errors import GO_ON, InputError
from study.training.cluster import connected, difference, first_line, wait_for_worker
from study.training.replicate import parser_of
from tests.faults.processes import finish, good, start, wait_until
from tests.study.conftest import (
    hold,
    is_held,
    make_study,
    replicate,
    replicating,
    results,
    variables_of,
    with_stand_in,
)
from tests.study.stand_in.training import named


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return with_stand_in(make_study(tmp_path / "study", seeds=[0, 1], rates=[0.0, 0.5]))


@contextmanager
def cluster(folder: Path, workers: int = 1) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A scheduler and its workers on loopback: its address, and the scheduler's process."""
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
        wait_until(where.exists, scheduler)
        started += [
            start(
                folder, "distributed.cli.dask_worker", *common, "--nthreads", "1", "--no-nanny",
                **environment,
            )
            for _ in range(workers)
        ]  # fmt: skip
        yield json.loads(where.read_text())["address"], scheduler
    finally:
        for process in reversed(started):
            process.kill()
            process.communicate()


def test_scheduler_and_workers_are_separate_processes(folder: Path) -> None:
    """Found through DASK_SCHEDULER_ADDRESS; the scheduler is killed in the middle of a run."""
    run = named(0.0, 1)
    held = hold(folder, run)
    with cluster(folder, workers=2) as (address, scheduler):
        process = replicating(folder, DASK_SCHEDULER_ADDRESS=address)
        wait_until(is_held(folder, run, finished=3), process)
        scheduler.send_signal(signal.SIGKILL)
        stopped = finish(process)
    assert stopped.status == 1
    assert "Traceback" not in stopped.output, stopped.output
    assert "seed=1): the cluster has gone" in stopped.output
    assert stopped.output.splitlines()[-1] == (
        f"study: 1 runs failed, with the errors above; {GO_ON}"
    )
    held.unlink()
    with cluster(folder) as (address, _):
        again = good(replicate(folder, DASK_SCHEDULER_ADDRESS=address))
    assert "study: 3 of 4 runs are there already" in again.output.splitlines()
    on_cluster = results(folder)
    shutil.rmtree(folder / "study/runs")
    good(replicate(folder))
    assert on_cluster == results(folder)


@contextmanager
def speaking(first_words: bytes) -> Iterator[str]:
    """The address of a server that is not Dask's; one that says nothing waits for a request."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(first_words)
            while self.request.recv(1024):
                pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def refused(address: object) -> str:
    """What is said of an address."""
    settings = {"scheduler-address": address, "distributed.comm.timeouts.connect": "500ms"}
    with (
        dask.config.set(settings),
        pytest.raises(InputError) as caught,
        connected(threads=1, workers=None),
    ):
        pass
    said = str(caught.value)
    assert said.startswith(
        "DASK_SCHEDULER_ADDRESS: expected the address of a Dask scheduler, such as"
        f" tcp://HOST:8786; found {str(address)!r}: "
    )
    assert said.endswith("; start one there, or unset the variable to use this machine")
    assert "\n" not in said
    return said


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("tcp://127.0.0.1", "missing port number"),
        ("", "missing port number"),
        (8786, "missing port number"),  # as Dask reads a variable that holds a number
        ("tcp://127.0.0.1:port", "invalid literal for int"),
        ("foo://127.0.0.1:8786", "unknown address scheme 'foo'"),
        ("tls://127.0.0.1:8786", "check your TLS configuration"),
    ],
)
def test_wrong_address_is_one_line(address: object, reason: str) -> None:
    assert reason in refused(address)


def test_nothing_answers_at_the_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    said = refused(f"tcp://127.0.0.1:{port}")
    # On a busy machine the last attempt ends by the time limit before it is refused.
    assert "Connection refused" in said or "Timed out trying to connect" in said


def test_first_cause_that_says_something_is_quoted() -> None:
    lost = OSError("lost")
    lost.__cause__ = ConnectionRefusedError("Connection\nrefused")
    assert first_line(lost) == "Connection"
    lost.__cause__ = TimeoutError()
    lost.__cause__.__cause__ = asyncio.CancelledError()
    assert first_line(lost) == "lost"
    assert first_line(asyncio.CancelledError()) == "CancelledError"


def test_servers_of_other_kinds_are_one_line() -> None:
    with speaking(b"") as address:  # waits for a request
        assert "does not speak as Dask does (is it the dashboard's port?)" in refused(address)
    with speaking(b"SSH-2.0-OpenSSH_9.2p1\r\n") as address:
        refused(address)


def test_scheduler_without_workers(capfd: pytest.CaptureFixture[str]) -> None:
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=None) as scheduler,
        Client(scheduler) as client,
        pytest.raises(InputError) as caught,
    ):
        wait_for_worker(client, "tcp://a", until_said=0.1, until_given_up=0.1)
    start = "start one with python -m distributed.cli.dask_worker tcp://a --nthreads 1"
    assert f"study: waiting for a worker at tcp://a; {start}\n" in capfd.readouterr().err
    assert str(caught.value) == f"expected a worker at tcp://a; found none in 0.1 seconds; {start}"


def test_worker_is_no_scheduler_and_a_scheduler_that_ends_is_one_line(folder: Path) -> None:
    def lose(scheduler: "subprocess.Popen[str]") -> None:
        with connected(threads=1, workers=None) as client:
            [worker] = client.scheduler_info()["workers"]
            assert "a worker of Dask is there" in refused(worker)
            running = client.submit(signal.pause)
            scheduler.kill()
            running.result()

    with (
        cluster(folder) as (address, scheduler),
        dask.config.set({"scheduler-address": address}),
        pytest.raises(InputError) as caught,
    ):
        lose(scheduler)
    assert str(caught.value).startswith(f"lost the Dask scheduler at {address} (")
    assert str(caught.value).endswith("); start it again")


@pytest.mark.parametrize("error", [None, InputError("too little memory"), KeyboardInterrupt()])
def test_worker_that_starts_anew_at_the_end_says_nothing(
    error: BaseException | None, capfd: pytest.CaptureFixture[str]
) -> None:
    """Dask prints tracebacks of one that is stopped meanwhile."""
    with suppress(InputError, KeyboardInterrupt), connected(threads=1, workers=1) as client:
        with pytest.raises(KilledWorker):
            client.submit(os._exit, 1).result()
        if error:
            raise error
    assert capfd.readouterr() == ("", "")


def test_other_version_of_python_or_dask_is_named() -> None:
    packages = {"python": "3.11.7.final.0", "dask": "2026.8.0", "distributed": "2026.8.0"}
    same = {"packages": packages}
    of_numpy = {"packages": packages | {"numpy": "2"}}
    versions: dict[str, Any] = {"client": same, "scheduler": same, "workers": {"a": of_numpy}}
    assert difference(versions) is None
    for package, expected in packages.items():
        other = {"packages": packages | {package: "1"}}
        for server, found in (
            ("the worker b", versions | {"workers": {"a": same, "b": other}}),
            ("the scheduler", versions | {"scheduler": other}),
        ):
            said = difference(found)
            assert said
            assert said.startswith(f"{server} has {package} 1; expected {expected}, as here;")


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_number_of_workers_is_checked(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parser_of("study", None).parse_args(["--workers", number])
    assert caught.value.code == 2
    expected = f"argument --workers: expected 1 or more; found '{number}'"
    assert expected in capsys.readouterr().err
