"""Where the runs are trained: this machine's cores, or the Dask cluster that is named."""

import asyncio
import logging
import sys
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from typing import Any, cast

import dask
from dask.system import CPU_COUNT
from dask.utils import parse_timedelta
from distributed import Client, LocalCluster, rpc
from distributed.utils import silence_logging_cmgr

from experiment.common.errors import InputError

HERE = "this machine"

# In seconds: until it is said what is waited for, and until no worker is expected to come.
UNTIL_SAID, UNTIL_GIVEN_UP = 10, 600

# `replicate` says in a line what goes wrong with a run; Dask would print tracebacks besides.
QUIET = logging.CRITICAL

LOCAL = {
    # Dask would also have the C library give freed memory back to the system at once, and
    # TensorFlow asks for it again: a run of one epoch took 34 s of CPU time instead of 31.
    "distributed.nanny.pre-spawn-environ": {"OMP_NUM_THREADS": 1},
    # TensorFlow keeps about 15 MB of each network that it has trained. A worker which has reached
    # its share of the memory is started anew; it would otherwise first wait for memory to be freed.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
    # A worker that is slow to start anew on a busy machine would be given up after 15 s, and the
    # study would wait for ever once that has happened to all of them.
    "distributed.deploy.lost-worker-timeout": "365 days",
    # A run that waits at a worker is blamed for its death like the run at work there: none waits.
    "distributed.scheduler.worker-saturation": 1.0,
}


@contextmanager
def connected(*, threads: int, workers: int | None) -> Iterator[Client]:
    """A client of the cluster in `DASK_SCHEDULER_ADDRESS`, else of a local one, with a worker.

    The local one has a process per core, one run in each, and shares out the machine's memory.

    Args:
        threads: that each run uses.
        workers: processes of the local cluster; None: as many as the cores allow.

    Raises:
        InputError: no scheduler answers at the address, no worker comes, one has other software,
            or the scheduler ends.
    """
    address = dask.config.get("scheduler-address", None)
    if address is None:
        cluster, where = _local(threads, workers), HERE
    else:
        cluster, where = _remote(str(address)), str(address)
    try:
        with cluster as client:
            wait_for_worker(client, where)
            if problem := difference(cast(dict[str, Any], client.get_versions())):
                raise InputError(problem)
            yield client
    except (CancelledError, OSError) as error:
        # Dask's own OSErrors have no number, those of a disk do.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise InputError(
            f"lost the Dask scheduler at {where} ({first_line(error)}); start it again"
        ) from None


@contextmanager
def _local(threads: int, workers: int | None) -> Iterator[Client]:
    with (
        dask.config.set(LOCAL),
        LocalCluster(
            n_workers=workers or max(1, CPU_COUNT // threads),
            threads_per_worker=1,
            memory_limit="auto",
            dashboard_address=":0",  # any free port: 8787, the default, may be another's
            silence_logs=QUIET,
            preload=["study.training.worker"],
        ) as cluster,
        Client(cluster) as client,
    ):
        try:
            yield client
        finally:
            # A worker that is stopped while it starts anew prints tracebacks.
            with suppress(TimeoutError, OSError):
                client.wait_for_workers(len(cluster.worker_spec), timeout=UNTIL_SAID)


@contextmanager
def _remote(address: str) -> Iterator[Client]:
    with silence_logging_cmgr(QUIET):
        if reason := no_scheduler(address):
            raise InputError(
                f"DASK_SCHEDULER_ADDRESS: expected the address of a Dask scheduler, such as"
                f" tcp://HOST:8786; found {address!r}: {reason}; start one there, or unset the"
                " variable to use this machine"
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a table of versions: `difference` says it in a line
            client = Client(address)
        with client:
            yield client


def no_scheduler(address: str) -> str | None:
    """Why the address is not that of a scheduler; None where one answers.

    A client would wait for ever for the answer of another kind of server.
    """
    seconds = min(10, parse_timedelta(dask.config.get("distributed.comm.timeouts.connect")))
    try:
        # As long again to answer as to connect.
        kind = asyncio.run(asyncio.wait_for(_kind_of_server(address, seconds), 2 * seconds))
    except TimeoutError:
        return "what is there does not speak as Dask does (is it the dashboard's port?)"
    # Of a wrong address: also TypeError, AssertionError; of foreign bytes: MemoryError.
    except Exception as error:
        return first_line(error)
    return None if kind == "Scheduler" else f"a {kind.lower()} of Dask is there"


async def _kind_of_server(address: str, seconds: float) -> str:
    async with rpc(address, timeout=seconds) as server:
        return str((await server.identity())["type"])


def wait_for_worker(
    client: Client,
    where: str,
    *,
    until_said: float = UNTIL_SAID,
    until_given_up: float = UNTIL_GIVEN_UP,
) -> None:
    """Waits for one worker, and says so.

    Args:
        client: of the cluster.
        where: the address of its scheduler, or `HERE`.
        until_said: seconds until it is said what is waited for.
        until_given_up: seconds from then on.

    Raises:
        InputError: none came.
    """
    start = f"start one with python -m distributed.cli.dask_worker {where} --nthreads 1"
    if where == HERE:
        start = "is there enough memory?"
    try:
        return client.wait_for_workers(1, timeout=until_said)
    except TimeoutError:
        print(f"study: waiting for a worker at {where}; {start}", file=sys.stderr, flush=True)
    try:
        client.wait_for_workers(1, timeout=until_given_up)
    except TimeoutError:
        raise InputError(
            f"expected a worker at {where}; found none in {until_given_up:g} seconds; {start}"
        ) from None


def difference(versions: Mapping[str, Any]) -> str | None:
    """What of Python and Dask the scheduler or a worker has in another version than this process.

    Dask's parts understand each other only in one version.

    Args:
        versions: as `Client.get_versions` returns them.
    """
    servers = {"the scheduler": versions["scheduler"]}
    servers |= {f"the worker {name}": found for name, found in versions["workers"].items()}
    for server, found in servers.items():
        for package in ("python", "dask", "distributed"):
            expected = versions["client"]["packages"][package]
            if (other := found["packages"][package]) != expected:
                return (
                    f"{server} has {package} {other}; expected {expected}, as here; start it in an"
                    " environment that `make setup` made from the same requirements.txt"
                )
    return None


def first_line(error: BaseException) -> str:
    """What the first cause of an error that says anything says, in one line."""
    said = type(error).__name__
    cause: BaseException | None = error
    while cause:
        said, cause = str(cause) or said, cause.__cause__
    return " ".join(said.splitlines()[0].split())
