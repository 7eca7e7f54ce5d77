"""Finished runs, one file each, so that none is trained twice.

A file is named by the hash of everything that its numbers depend on, and holds a checksum of its
content: a damaged file is noticed, and its run is trained again.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from experiment.common.errors import InputError
from experiment.common.files import CURVE_COLUMNS, replacing
from experiment.data.dataset import Dataset
from study.grid import Run

# Noted with each run, but no part of its name: they change no bit of it.
WITHOUT_INFLUENCE = (
    "python",
    "tensorflow.cuda_build",  # tensorflow and tensorflow-cpu have the same kernels for the CPU
    "variable.TF_CPP_MIN_LOG_LEVEL",
    "version.h5py",
    "version.matplotlib",
    "version.pandas",
)


@dataclass(frozen=True)
class Entry:
    """A finished run.

    Attributes:
        run: what was trained.
        metrics: by name; see `study.training.one_run.train_one`.
        curve: a row per epoch with `CURVE_COLUMNS`.
        test_errors: test images that it classifies wrongly; None of early runs, not noted then.
    """

    run: Run
    metrics: Mapping[str, float]
    curve: list[dict[str, float]]
    test_errors: list[int] | None = None


@dataclass(frozen=True)
class Store:
    """A folder of finished runs that were trained alike.

    Attributes:
        folder: where they are; others may be there too.
        settings: what all runs share.
        conditions: software and hardware; see `study.training.worker.conditions`.
        data: by dataset, a hash of its content; see `digest`.
    """

    folder: Path
    settings: Mapping[str, Any]
    conditions: Mapping[str, str]
    data: Mapping[str, str]

    def path(self, run: Run) -> Path:
        """The file of a run, whether it is there or not."""
        origin = self._origin(run)
        for name in WITHOUT_INFLUENCE:
            origin["conditions"].pop(name, None)
        return self.folder / f"{_hash(origin)}.json"

    def _origin(self, run: Run) -> dict[str, Any]:
        return {
            "conditions": dict(self.conditions),
            "data": self.data[run.dataset],
            "run": asdict(run),
            "settings": dict(self.settings),
        }

    def save(self, entry: Entry) -> None:
        """Writes the file of a run, whole or not at all: a line of JSON for each part."""
        columns = [column for column in CURVE_COLUMNS if column != "epoch"]
        content = self._origin(entry.run) | {
            "curve": {column: [row[column] for row in entry.curve] for column in columns},
            "metrics": dict(entry.metrics),
            "test_errors": entry.test_errors,
        }
        content["checksum"] = _hash(content)
        lines = [
            f"{json.dumps(key)}: {json.dumps(value, sort_keys=True, allow_nan=False)}"
            for key, value in sorted(content.items())
        ]
        with replacing(self.path(entry.run)) as temporary:
            text = "{\n" + ",\n".join(lines) + "\n}\n"
            temporary.write_text(text, encoding="utf-8", newline="\n")

    def load(self, run: Run) -> Entry | None:
        """A finished run, or None where it is not there.

        Raises:
            InputError: its file is damaged.
        """
        path = self.path(run)
        if not path.exists():
            return None
        entry = read_entry(path)
        if entry.run != run:
            raise InputError(f"{path}: damaged (it holds another run)")
        return entry


def read_entries(folder: Path) -> Iterator[tuple[Path, Entry]]:
    """All stored runs with their files, sorted by name.

    Raises:
        InputError: a file is damaged.
    """
    for path in sorted(folder.glob("*.json")):
        yield path, read_entry(path)


def read_entry(path: Path) -> Entry:
    """A stored run.

    Raises:
        InputError: its file is damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("checksum") != _hash(content):
            raise ValueError("its content is not what was written")
        columns = content["curve"]
        rows = zip(*columns.values(), strict=True)
        curve = [
            {"epoch": epoch, **dict(zip(columns, row, strict=True))}
            for epoch, row in enumerate(rows, start=1)
        ]
        return Entry(Run(**content["run"]), content["metrics"], curve, content["test_errors"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path}: damaged ({error})") from None


def digest(dataset: Dataset) -> str:
    """SHA-256 of images and labels, with their types and shapes."""
    found = hashlib.sha256()
    for name, array in sorted(vars(dataset).items()):
        found.update(f"{name} {array.dtype} {array.shape}".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def _hash(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
