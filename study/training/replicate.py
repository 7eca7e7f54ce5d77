"""Trains every run that is not stored yet, on Dask's workers."""

import hashlib
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from distributed import Future, as_completed
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
from study.runs import Entry, Run, Store, find_difference
from study.training.cluster import connected, explain
from study.training.worker import DatasetsPlugin, train

# A fault that passes, such as memory that another program took for a while, costs no study.
RETRIES = 2

# Measured on one core: 3.4 minutes for 20 epochs of 48,000 images and 12,000 of validation.
IMAGES_PER_MINUTE = 20 * (3 * 48_000 + 12_000) / 3.4

FOLDER = Path("data/study")
# What the pipeline has downloaded already: another dataset in it is noticed.
OF_THE_PIPELINE = Path("data/raw/images.npz")


def train_missing(
    runs: Sequence[Run],
    datasets: dict[str, Dataset],
    params: Parameters,
    workers: int | None,
    again: Collection[Entry] = (),
) -> None:
    """Train those of the runs that are not stored, in their order, and store each as it ends.

    Where they are stored and trained `again`, a new line replaces the stored one, unless a figure
    is another. InputError is raised if there is no cluster, or if runs failed.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(FileLock(CHECKPOINTS / "study.lock", timeout=0))
        except Timeout:  # it would train each run twice
            raise InputError(
                "expected no other study at work in this folder; found one; wait for it, or stop it"
            ) from None
        client, conditions = stack.enter_context(connected(params.train, workers))
        facts = {
            name: (conditions, hash_dataset(dataset), count_images(dataset, params))
            for name, dataset in datasets.items()
        }
        planned = [Entry(setting, seed, *facts[setting.dataset]) for setting, seed in runs]
        stored = [(entry.key, entry.available) for entry in again]
        if again and stored != [(entry.key, entry.available) for entry in planned]:
            raise InputError(
                "--again: expected runs of these images, this software, this kind of processor, and"
                " the threads, instructions and validation of params.yaml; found others; restore"
                " what their lines in study/runs.jsonl say"
            )
        store = Store()
        for problem in store.problems:
            print(f"study: {problem}; the run is trained again", file=sys.stderr)
        pending = [entry for entry in planned if again or entry.key not in store.entries]
        work = {entry.key: count_work(entry, datasets) for entry in pending}
        done = f"{len(planned) - len(pending)} of {len(planned)} runs are there already"
        minutes = sum(work.values()) / IMAGES_PER_MINUTE
        rest = f"; the others take about {minutes:.0f} minutes of one core in all"
        print(f"study: {done}{rest if pending else ''}", file=sys.stderr, flush=True)
        if not pending:
            return
        client.register_plugin(DatasetsPlugin(datasets))
        futures = {
            client.submit(train, e, key=f"train-{e.key}", priority=-place, retries=RETRIES): e
            for place, e in enumerate(pending)
        }
        if failed := _collect(futures, store, work):
            raise InputError(f"{failed} runs failed, with the errors above; {GO_ON}")


def count_work(entry: Entry, datasets: Mapping[str, Dataset]) -> int:
    """Return how many images a run goes through; training ones count three times (and back)."""
    setting = entry.setting
    validation = len(datasets[setting.dataset].y_train) - entry.available
    return setting.epochs * (3 * setting.train_samples + validation)


def _collect(futures: dict[Future[Entry], Entry], store: Store, work: Mapping[str, int]) -> int:
    """Store each run as it ends; return how many failed, or gave other figures than stored."""
    total, done, failed = len(futures), 0, 0
    with closing(Progress("study", total=sum(work.values()))) as progress:
        for future in as_completed(futures):
            entry = futures.pop(future)
            name = " ".join(f"{k}={v}" for k, v in entry.parameters()["run"].items())
            try:
                entry = future.result()
            except Exception as problem:  # whatever a run raises concerns that run alone
                error: str | None = explain(problem)
            else:
                error = find_difference(store.entries.get(entry.key, entry), entry)
                error = error and f"the stored line stays, since this training differs: {error}"
            if error:
                failed += 1
                progress.say(f"failed: {name}: {error}")
            else:
                done += 1
                store.add(entry)
            counts = f"{done} of {total} runs done, {failed} failed"
            progress.step(work[entry.key], counts, name)
        progress.say(f"{counts}: {3600 * done / progress.seconds():.1f} runs per hour")
    return failed


def load_datasets(names: Iterable[str]) -> dict[str, Dataset]:
    """Read the datasets by name, or by path; a known one is downloaded where it is not there."""
    datasets = {}
    for name in dict.fromkeys(names):
        path = FOLDER / f"{name}.npz" if name in list_known() else DATA / name
        if name in list_known() and not path.exists():
            report = partial(print, "download:", file=sys.stderr)
            write_arrays(path, fetch(name, OF_THE_PIPELINE, report).arrays())
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


def count_images(dataset: Dataset, params: Parameters) -> int:
    """Return the number of images that validation leaves to train on."""
    how = params.preprocess.model_copy(update={"train_samples": None})
    return len(divide(dataset, **dict(how), seed=0)["train"].images)
