"""The stage `replicate` on a cluster of separate processes, found through the environment."""

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from experiment.common.errors import GO_ON
from tests.faults.processes import finish, good, line_of, start, wait_until
from tests.study.conftest import (
    make_study,
    replicate,
    results,
    stored,
    variables_of,
    with_stand_in,
)
from tests.study.stand_in.training import named


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return with_stand_in(make_study(tmp_path / "study", seeds=[0, 1], rates=[0.0, 0.5]))


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A scheduler and two workers on loopback: its address, and the scheduler's process."""
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
            for _ in range(2)
        ]  # fmt: skip
        yield json.loads(where.read_text())["address"], scheduler
    finally:
        for process in reversed(started):
            process.kill()
            process.communicate()


def test_scheduler_and_workers_are_separate_processes(folder: Path) -> None:
    """Found through DASK_SCHEDULER_ADDRESS; the scheduler is killed in the middle of a run."""
    run = named(0.0, 1)
    hold = folder / f"faults/hold {run}"
    hold.touch()
    with cluster(folder) as (address, scheduler):
        environment = variables_of(folder) | {"DASK_SCHEDULER_ADDRESS": address}
        process = start(folder, "study.replicate", **environment)
        wait_until(
            lambda: (folder / f"faults/held {run}").exists() and len(stored(folder)) == 3, process
        )
        scheduler.send_signal(signal.SIGKILL)
        stopped = finish(process)
    assert stopped.status == 1
    assert "Traceback" not in stopped.output, stopped.output
    assert "seed=1): the cluster has gone" in stopped.output
    assert stopped.output.splitlines()[-1] == (
        f"study: 1 runs failed, with the errors above; {GO_ON}"
    )
    hold.unlink()
    with cluster(folder) as (address, _):
        again = good(replicate(folder, DASK_SCHEDULER_ADDRESS=address))
    assert "study: 3 of 4 runs are there already" in again.output.splitlines()
    on_cluster = results(folder)
    for path in (folder / "study/runs").iterdir():
        path.unlink()
    good(replicate(folder, "--workers", "1"))
    assert on_cluster == results(folder)


def test_nothing_answers_at_the_address(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
    done = replicate(
        folder, DASK_SCHEDULER_ADDRESS=address, DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT="1s"
    )
    assert done.status == 1
    line = line_of(done, "study")
    assert line.startswith(
        f"study: expected a Dask scheduler at DASK_SCHEDULER_ADDRESS ({address})"
    )
    assert line.endswith("; start it, or unset the variable to use this machine")
