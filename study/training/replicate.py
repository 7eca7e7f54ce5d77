"""Trains every run of the grid that is not stored yet, on Dask's workers."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any

from distributed import Client, Future, KilledWorker, as_completed
from filelock import FileLock, Timeout

from experiment.common.errors import GO_ON, InputError, one_line_errors
from experiment.common.parameters import Parameters, load_parameters
from experiment.common.status import FOLDER, Status
from experiment.data.dataset import Dataset, divide
from experiment.data.reading import read_dataset
from study.grid import Run, runs_of
from study.parameters import load_study_parameters
from study.paths import STORE
from study.store import Entry, Store, digest
from study.table import write_runs
from study.training.cluster import connected
from study.training.download import file_of
from study.training.one_run import Result
from study.training.progress import StudyProgress
from study.training.worker import DatasetsPlugin, conditions, train

# A fault that passes, such as memory that another program took for a while, costs no study.
RETRIES = 2


def main() -> None:
    """Trains what is new in the grid and writes the table of all finished runs."""
    run(parser_of("study.training.replicate", main.__doc__).parse_args().workers)


def parser_of(module: str, description: str | None) -> argparse.ArgumentParser:
    """Declares `--workers`, 1 or more."""

    def positive(text: str) -> int:
        if not text.isdecimal() or int(text) == 0:
            raise argparse.ArgumentTypeError(f"expected 1 or more; found {text!r}")
        return int(text)

    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    text = "of the local cluster; one per core if not set"
    parser.add_argument("--workers", type=positive, help=text)
    return parser


def run(workers: int | None) -> list[Entry]:
    """Trains; returns all runs, or ends the process with an error where some failed."""
    with one_line_errors("study"), alone():
        finished, failed = replicate(workers)
    if failed:
        sys.exit(f"study: {failed} runs failed, with the errors above; {GO_ON}")
    return finished


@contextmanager
def alone() -> Iterator[None]:
    """Two studies in one folder would train each run twice.

    Raises:
        InputError: another one is at work there.
    """
    try:
        lock = FileLock(FOLDER / "study.lock").acquire(timeout=0)
    except Timeout:
        raise InputError(
            "expected no other study at work in this folder; found one; wait for it (`make watch`"
            " shows it), or stop it"
        ) from None
    with lock:
        yield


def replicate(workers: int | None = None) -> tuple[list[Entry], int]:
    """Trains what is new and writes the table; returns the runs, and how many failed."""
    params, study = load_parameters(), load_study_parameters()
    names = dict.fromkeys(block.dataset for block in study.grid)
    datasets = {name: read_dataset(file_of(name)) for name in names}
    sizes = {name: _sizes(dataset, params) for name, dataset in datasets.items()}
    runs = runs_of(study, params, {name: images for name, (images, _) in sizes.items()})
    # Forward and backward through each training image, forward alone through those of validation.
    work = {r: r.epochs * (3.0 * r.train_samples + sizes[r.dataset][1]) for r in runs}
    where = {"threads": params.train.threads, "device": study.device}

    with connected(threads=params.train.threads, workers=workers) as client:
        expected = conditions_of(client, **where)
        data = {name: digest(dataset) for name, dataset in datasets.items()}
        store = Store(STORE, settings_of(params), expected, data)
        finished = load_finished(store, runs)
        try:
            pending = [run for run in runs if run not in finished]
            if not pending:
                return list(finished.values()), 0
            client.register_plugin(DatasetsPlugin(datasets))
            futures = {
                client.submit(
                    train,
                    run,
                    settings=settings_of(params),
                    expected=expected,
                    **where,
                    key=f"train-{store.path(run).stem}",
                    priority=-place,
                    retries=RETRIES,
                ): run
                for place, run in enumerate(pending)
            }
            failed = collect(futures, store, finished, work)
            return list(finished.values()), failed
        finally:
            write_runs(finished.values())


def conditions_of(client: Client, **where: Any) -> dict[str, str]:
    """What a run depends on besides its parameters and data, as the first free worker finds it.

    Raises:
        InputError: the scheduler or the worker cannot run this code, or has too little memory.
    """
    try:
        found: dict[str, str] = client.submit(conditions, **where, pure=False).result()
    except KilledWorker as error:
        raise InputError(f"{reason(error)} 3 GB for each worker is enough") from None
    except (ImportError, RuntimeError) as error:
        # What the scheduler cannot read, Dask reports so, with the reason as its cause.
        if isinstance(error, RuntimeError) and "deserialization" not in str(error):
            raise
        raise InputError(
            "expected a scheduler and workers with this code and its packages; found:"
            f" {reason(error.__cause__ or error)}; start them in this folder, or with it in"
            " PYTHONPATH"
        ) from None
    return found


def settings_of(params: Parameters) -> dict[str, Any]:
    """What all runs share: the pipeline's own parameters."""
    return {
        "batch_size": params.train.batch_size,
        "filters": params.model.filters,
        "learning_rate": params.train.learning_rate,
        "validation_from": params.preprocess.validation_from,
        "validation_split": params.preprocess.validation_split,
    }


def load_finished(store: Store, runs: Sequence[Run]) -> dict[Run, Entry]:
    """The stored runs; a damaged one counts as not trained, and is named."""
    finished = {}
    for run in runs:
        try:
            entry = store.load(run)
        except InputError as error:
            print(f"study: {error}; the run is trained again", file=sys.stderr)
            continue
        if entry:
            finished[run] = entry
    print(f"study: {len(finished)} of {len(runs)} runs are there already", file=sys.stderr)
    return finished


def collect(
    futures: dict[Future[Result], Run],
    store: Store,
    finished: dict[Run, Entry],
    work: dict[Run, float],
) -> int:
    """Stores each run as it ends; returns how many failed."""
    status = Status(FOLDER / "study.json", len(futures))
    total = sum(work[run] for run in futures.values())
    progress = StudyProgress(runs=len(futures), work=total, status=status)
    failed = 0
    try:
        for future in as_completed(futures):
            run = futures.pop(future)
            try:
                result = future.result()
            except Exception as error:  # whatever a run raises concerns that run alone
                failed += 1
                progress.finished(str(run), work[run], error=reason(error))
            else:
                finished[run] = Entry(run, **result)
                store.save(finished[run])
                progress.finished(str(run), work[run])
    finally:
        progress.close()
    return failed


def reason(error: BaseException) -> str:
    """Why a run failed, in one line."""
    if isinstance(error, KilledWorker):
        return "each worker that trained it died; is there enough memory?"
    if isinstance(error, CancelledError):
        return "the cluster has gone"
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _sizes(dataset: Dataset, params: Parameters) -> tuple[int, int]:
    """Number of images to train on, at most, and of validation."""
    parts = divide(
        dataset,
        validation_split=params.preprocess.validation_split,
        validation_from=params.preprocess.validation_from,
        train_samples=None,
        seed=0,
    )
    return len(parts["train"].images), len(parts["validation"].images)


if __name__ == "__main__":
    main()
