"""Where the runs are trained: this machine's cores, or the Dask cluster that is named."""

import asyncio
import logging
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress

import dask
from dask.system import CPU_COUNT
from distributed import Client, LocalCluster, rpc
from distributed.utils import silence_logging_cmgr

from experiment.support.errors import InputError

HERE = "this machine"

# In seconds: for a scheduler to answer, until it is said what is waited for, and until no worker
# is expected to come.
ANSWER, UNTIL_SAID, UNTIL_GIVEN_UP = 10, 10, 600

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
    # When a worker dies, Dask counts a failure for queued runs too, so queue none.
    "distributed.scheduler.worker-saturation": 1.0,
}


@contextmanager
def connected(*, threads: int, workers: int | None) -> Iterator[Client]:
    """Connect to the cluster in `DASK_SCHEDULER_ADDRESS`, else start a local one.

    The local one has a process per core, one run in each, and shares out the machine's memory.

    Args:
        threads: that each run uses.
        workers: processes of the local cluster; None: as many as the cores allow.

    Raises:
        InputError: no scheduler answers at the address, no worker comes, one has other software,
            or the scheduler ends.
    """
    address = dask.config.get("scheduler-address", None)
    where = HERE if address is None else str(address)
    try:
        with _local(threads, workers) if address is None else _remote(where) as client:
            _wait_for_worker(client, where)
            try:
                client.get_versions(check=True)
            except ValueError as error:  # a table of versions
                raise InputError(
                    "expected the scheduler and workers to have the same Python and Dask as here;"
                    f" found {' '.join(str(error).split())}; start them in an environment that"
                    " `make setup` made from the same requirements.txt"
                ) from None
            yield client
    except (CancelledError, OSError) as error:
        # Dask's own OSErrors have no number, those of a disk do.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise InputError(f"lost the Dask scheduler at {where} ({error}); start it again") from None


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
    # A client would wait for ever for the answer of another kind of server.
    try:
        kind = asyncio.run(asyncio.wait_for(_ask_kind(address), 2 * ANSWER))
    except Exception as error:  # also TypeError of a wrong address, MemoryError of foreign bytes
        kind = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")
    if kind != "Scheduler":
        raise InputError(
            "DASK_SCHEDULER_ADDRESS: expected the address of a Dask scheduler, such as"
            f" tcp://HOST:8786; found {address!r} ({kind}); start one there, or unset the variable"
            " to use this machine"
        )
    with silence_logging_cmgr(QUIET), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about versions, which are compared in a line
        with Client(address) as client:
            yield client


async def _ask_kind(address: str) -> str:
    async with rpc(address, timeout=ANSWER) as server:
        return str((await server.identity())["type"])


def _wait_for_worker(client: Client, where: str) -> None:
    start = f"start one with python -m distributed.cli.dask_worker {where} --nthreads 1"
    if where == HERE:
        start = "is there enough memory?"
    try:
        return client.wait_for_workers(1, timeout=UNTIL_SAID)
    except TimeoutError:
        print(f"study: waiting for a worker at {where}; {start}", file=sys.stderr, flush=True)
    try:
        client.wait_for_workers(1, timeout=UNTIL_GIVEN_UP)
    except TimeoutError:
        raise InputError(
            f"expected a worker at {where}; found none in {UNTIL_GIVEN_UP} seconds; {start}"
        ) from None
