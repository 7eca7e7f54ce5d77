"""Finished runs, a file each, so that none is trained twice.

A file is named by the fingerprint of all that its content depends on, and holds a checksum of its
content: one that was damaged is noticed, and the run is trained again.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from experiment.common.errors import InputError
from experiment.common.files import replacing
from experiment.data.dataset import Dataset
from experiment.network.fingerprint import fingerprint
from study.grid import Run

# They write or draw what was computed, and change no bit of it.
WITHOUT_INFLUENCE = ("python", "version.h5py", "version.matplotlib", "version.pandas")


@dataclass(frozen=True)
class Entry:
    """A finished run.

    Attributes:
        run: what was trained.
        metrics: by name; see `study.one_run.train_one`.
        curve: a row per epoch; see `experiment.network.training.train_epochs`.
    """

    run: Run
    metrics: Mapping[str, float]
    curve: list[dict[str, float]]


@dataclass(frozen=True)
class Store:
    """A folder of finished runs that were trained alike.

    Attributes:
        folder: where they are; others may be there too.
        settings: what all runs share.
        conditions: environment and code; see `study.worker.conditions`.
        data: by dataset, a hash of its content; see `digest`.
    """

    folder: Path
    settings: Mapping[str, Any]
    conditions: Mapping[str, str]
    data: Mapping[str, str]

    def path(self, run: Run) -> Path:
        """The file of a run, whether it is there or not."""
        influences = {k: v for k, v in self.conditions.items() if k not in WITHOUT_INFLUENCE}
        parameters = {"conditions": influences, "data": self.data[run.dataset], "run": asdict(run)}
        name = fingerprint(parameters=parameters | {"settings": self.settings})
        return self.folder / f"{name}.json"

    def save(self, entry: Entry) -> None:
        """Writes the file of a run, as a whole."""
        content = {
            "conditions": dict(self.conditions),
            "curve": entry.curve,
            "data": self.data[entry.run.dataset],
            "metrics": dict(entry.metrics),
            "run": asdict(entry.run),
            "settings": dict(self.settings),
        }
        text = json.dumps(
            content | {"checksum": _checksum(content)}, indent=1, sort_keys=True, allow_nan=False
        )
        with replacing(self.path(entry.run)) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8", newline="\n")

    def load(self, run: Run) -> Entry | None:
        """A finished run, or None where it is not there.

        Raises:
            InputError: its file is damaged.
        """
        path = self.path(run)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content.pop("checksum") != _checksum(content) or content["run"] != asdict(run):
                raise ValueError("its content is not what was written")
            return Entry(run, content["metrics"], content["curve"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(f"{path}: damaged ({error})") from None


def digest(dataset: Dataset) -> str:
    """SHA-256 of images and labels, with their types and shapes."""
    found = hashlib.sha256()
    for name, array in sorted(vars(dataset).items()):
        found.update(f"{name} {array.dtype} {array.shape}".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def _checksum(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
