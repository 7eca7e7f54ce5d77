"""Trains every run that is not stored yet, on Dask's workers."""

import hashlib
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from distributed import Client, Future, KilledWorker, as_completed
from filelock import FileLock, Timeout

from experiment.data.fetch import fetch
from experiment.data.known import FOLDER as DATA
from experiment.data.known import list_known
from experiment.data.own import read_dataset
from experiment.data.split import ARRAYS, Dataset, divide
from experiment.files import write_arrays
from experiment.network.checkpoint import CHECKPOINTS
from experiment.parameters import Parameters
from experiment.support.errors import GO_ON, InputError
from experiment.support.progress import Progress
from study.runs import Entry, Run, Store, find_difference, shared_settings
from study.training.cluster import connected
from study.training.one_run import Result
from study.training.worker import DatasetsPlugin, describe_conditions, train

# A fault that passes, such as memory that another program took for a while, costs no study.
RETRIES = 2

# Measured on one core: 3.4 minutes for 20 epochs of 48,000 training images (each counts three
# times) and 12,000 of validation.
IMAGES_PER_MINUTE = 20 * (3 * 48_000 + 12_000) / 3.4

FOLDER = Path("data/study")
# What the pipeline has downloaded already: another dataset in it is noticed.
OF_THE_PIPELINE = Path("data/raw/images.npz")


def train_missing(
    runs: Sequence[Run],
    params: Parameters,
    *,
    workers: int | None,
    again: Collection[str] = (),
) -> None:
    """Train those of the runs that are not stored, and store each as it ends.

    Args:
        runs: in the order of training.
        params: the pipeline's, which all runs share where a run does not say otherwise.
        workers: see `study.training.cluster.connected`.
        again: the keys of all of the runs, where they are stored and trained again; a new line
            replaces the stored one, unless a figure is another.

    Raises:
        InputError: data, cluster or memory are missing, or runs failed.
    """
    datasets = load_datasets(run.dataset for run in runs)
    settings, threads = shared_settings(params), params.train.threads
    where = {"threads": threads, "instructions": params.train.instructions}
    with alone(), connected(threads=threads, workers=workers) as client:
        conditions = _describe_conditions(client, where)
        sizes = {name: count_images(dataset, params) for name, dataset in datasets.items()}
        hashes = {name: hash_dataset(dataset) for name, dataset in datasets.items()}
        planned = [
            Entry(run, settings, conditions, hashes[run.dataset], sizes[run.dataset][0])
            for run in dict.fromkeys(runs)
        ]
        if again and {entry.key for entry in planned} != {*again}:
            raise InputError(
                "--again: expected runs of this params.yaml, this software and this kind of"
                " processor; found others, which cannot be trained again here"
            )
        store = Store()
        for problem in store.problems:
            print(f"study: {problem}; the run is trained again", file=sys.stderr)
        pending = [entry for entry in planned if again or entry.key not in store.entries]
        # Forward and backward through each training image, forward alone through validation's.
        work = {
            entry.run: entry.run.epochs
            * (3 * entry.run.train_samples + sizes[entry.run.dataset][1])
            for entry in pending
        }
        minutes = sum(work.values()) / IMAGES_PER_MINUTE
        done = f"{len(planned) - len(pending)} of {len(planned)} runs are there already"
        rest = f"; the others take about {minutes:.0f} minutes of one core in all"
        print(f"study: {done}{rest if pending else ''}", file=sys.stderr, flush=True)
        if pending:
            client.register_plugin(DatasetsPlugin(datasets))
            futures = {
                client.submit(
                    train,
                    entry.run,
                    settings=settings,
                    expected=conditions,
                    **where,
                    key=f"train-{entry.key}",
                    priority=-place,
                    retries=RETRIES,
                ): entry
                for place, entry in enumerate(pending)
            }
            if failed := _collect(futures, store, work):
                raise InputError(f"{failed} runs failed, with the errors above; {GO_ON}")


def _collect(futures: dict[Future[Result], Entry], store: Store, work: Mapping[Run, int]) -> int:
    """Store each run as it ends; return how many failed, or gave other figures than stored."""
    total, done, failed = len(futures), 0, 0
    with closing(Progress("study", total=sum(work.values()))) as progress:
        for future in as_completed(futures):
            entry = futures.pop(future)
            try:
                entry = replace(entry, **future.result())
            except Exception as problem:  # whatever a run raises concerns that run alone
                error: str | None = explain(problem)
            else:
                error = find_difference(store.entries.get(entry.key, entry), entry)
                error = error and f"the stored line stays, since this training differs: {error}"
            if error:
                failed += 1
                progress.say(f"failed: {entry.run}: {error}")
            else:
                done += 1
                store.add(entry)
            counts = f"{done} of {total} runs done, {failed} failed"
            progress.step(work[entry.run], counts, str(entry.run))
        progress.say(f"{counts}: {3600 * done / progress.seconds():.1f} runs per hour")
    return failed


def load_datasets(names: Iterable[str]) -> dict[str, Dataset]:
    """Read the datasets by name, or by path; a known one is downloaded where it is not there."""
    datasets = {}
    for name in dict.fromkeys(names):
        path = FOLDER / f"{name}.npz" if name in list_known() else DATA / name
        if name in list_known() and not path.exists():
            dataset = fetch(name, by_hand=OF_THE_PIPELINE, report=_report_download)
            write_arrays(path, dataset.arrays())
        datasets[name] = read_dataset(path)
    return datasets


def hash_dataset(dataset: Dataset) -> str:
    """Return the SHA-256 of images and labels, with their types and shapes."""
    found = hashlib.sha256()
    for name in sorted(ARRAYS):
        array = getattr(dataset, name)
        found.update(f"{name} {array.dtype} {array.shape}".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def count_images(dataset: Dataset, params: Parameters) -> tuple[int, int]:
    """Return the numbers of images to train on, at most, and of validation."""
    parts = divide(
        dataset,
        validation_split=params.preprocess.validation_split,
        validation_from=params.preprocess.validation_from,
        train_samples=None,
        seed=0,
    )
    return len(parts["train"].images), len(parts["validation"].images)


@contextmanager
def alone() -> Iterator[None]:
    """Refuse a second study in one folder, which would train each run twice.

    Raises:
        InputError: another one is at work there.
    """
    try:
        lock = FileLock(CHECKPOINTS / "study.lock").acquire(timeout=0)
    except Timeout:
        raise InputError(
            "expected no other study at work in this folder; found one; wait for it, or stop it"
        ) from None
    with lock:
        yield


def _describe_conditions(client: Client, where: Mapping[str, Any]) -> dict[str, str]:
    """Ask the first free worker what a run depends on besides its parameters and data.

    Raises:
        InputError: the scheduler or the worker cannot run this code, or has too little memory.
    """
    try:
        found: dict[str, str] = client.submit(describe_conditions, **where, pure=False).result()
    except KilledWorker as error:
        raise InputError(f"{explain(error)} 3 GB for each worker is enough") from None
    except (ImportError, RuntimeError) as error:
        # What the scheduler cannot read, Dask reports so, with the reason as its cause.
        if isinstance(error, RuntimeError) and "deserialization" not in str(error):
            raise
        raise InputError(
            "expected a scheduler and workers with this code and its packages; found:"
            f" {explain(error.__cause__ or error)}; start them in this folder, or with it in"
            " PYTHONPATH"
        ) from None
    return found


def explain(error: BaseException) -> str:
    """Return why a run failed, in one line."""
    if isinstance(error, KilledWorker):
        return "each worker that trained it died; is there enough memory?"
    if isinstance(error, CancelledError):
        return "the cluster has gone"
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _report_download(line: str) -> None:
    print(f"download: {line}", file=sys.stderr)
