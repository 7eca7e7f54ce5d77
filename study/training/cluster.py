"""Where the runs are trained: this machine's cores, or the Dask cluster that is named."""

import asyncio
import logging
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress

import dask
from dask.system import CPU_COUNT
from distributed import Client, KilledWorker, LocalCluster, rpc
from distributed.utils import silence_logging_cmgr

from experiment.parameters import TrainParameters
from experiment.support.errors import InputError
from study.training.worker import describe_conditions

ANSWER, PATIENCE = 10, 600  # seconds for a scheduler to answer, and for a first worker to come

LOCAL = {
    # Dask would also have the C library give freed memory back to the system at once, and
    # TensorFlow asks for it again: a run of one epoch took 34 s of CPU time instead of 31.
    "distributed.nanny.pre-spawn-environ": {"OMP_NUM_THREADS": 1},
    # TensorFlow keeps about 15 MB of each network that it has trained. A worker which has reached
    # its share of the memory is started again; else it would first wait for memory to be freed.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
    # A worker that is slow to start again on a busy machine would be given up after 15 s, and the
    # study would wait for ever once that has happened to all of them.
    "distributed.deploy.lost-worker-timeout": "365 days",
    # When a worker dies, Dask counts a failure for queued runs too, so queue none.
    "distributed.scheduler.worker-saturation": 1.0,
}


@contextmanager
def connected(
    params: TrainParameters, workers: int | None
) -> Iterator[tuple[Client, dict[str, str]]]:
    """Connect to the cluster in `DASK_SCHEDULER_ADDRESS`, else start one with so many workers.

    If no number is given, it has as many as the cores allow. With the client come the conditions of
    the first worker, see `describe_conditions`. InputError is raised if the cluster cannot train.
    """
    address = dask.config.get("scheduler-address", None)
    where = "this machine" if address is None else f"DASK_SCHEDULER_ADDRESS {address!r}"
    with silence_logging_cmgr(logging.CRITICAL), warnings.catch_warnings(), ExitStack() as stack:
        # `replicate` says in a line what goes wrong; Dask would print warnings and tracebacks.
        warnings.simplefilter("ignore")
        try:
            if address is None:
                client = stack.enter_context(_start_cluster(params.threads, workers))
            else:
                # A client would wait for ever for the answer of another kind of server.
                kind = asyncio.run(asyncio.wait_for(_ask_kind(address), 2 * ANSWER))
                if kind != "Scheduler":
                    raise ValueError(f"a {kind}")
                client = stack.enter_context(Client(address))
                if not client.scheduler_info()["workers"]:
                    print(f"study: waiting for a worker at {address}", file=sys.stderr, flush=True)
            client.wait_for_workers(1, timeout=PATIENCE)
            client.get_versions(check=True)
            ways = (params.threads, params.instructions)
            conditions: dict[str, str] = client.submit(describe_conditions, *ways).result()
        except Exception as error:  # whatever Dask makes of an address, a version or a worker
            # Of what it cannot read, Dask's own error says nothing.
            cause = error.__cause__ if isinstance(error, RuntimeError) else None
            raise InputError(
                f"{where}: expected a scheduler, such as tcp://HOST:8786, and workers with this"
                f" code and its packages; found {explain(cause or error)}; docs/study.md"
                " says how to start them"
            ) from None
        yield client, conditions


async def _ask_kind(address: str) -> str:
    async with rpc(address, timeout=ANSWER) as server:
        return str((await server.identity())["type"])


@contextmanager
def _start_cluster(threads: int, workers: int | None) -> Iterator[Client]:
    with (
        dask.config.set(LOCAL),
        LocalCluster(
            n_workers=workers or max(1, CPU_COUNT // threads),
            threads_per_worker=1,
            memory_limit="auto",
            dashboard_address=":0",  # any free port: 8787, the default, may be another's
            silence_logs=logging.CRITICAL,
            preload=["study.training.worker"],
        ) as cluster,
        Client(cluster) as client,
    ):
        try:
            yield client
        finally:
            # A worker that is stopped while it starts again prints tracebacks.
            with suppress(TimeoutError, OSError):
                client.wait_for_workers(len(cluster.worker_spec), timeout=ANSWER)


def explain(error: BaseException) -> str:
    """Return why a run or a cluster failed, in one line."""
    if isinstance(error, KilledWorker):
        return "each worker that trained it died; is there enough memory (3 GB a worker)?"
    if isinstance(error, CancelledError):
        return "the cluster has gone"
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
