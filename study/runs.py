"""Stored runs, one line each in `study/runs.jsonl`, and which of them repeat a setting.

A run is known by the hash of all that its numbers depend on, so none is trained twice. Each line
holds a checksum of its content: a damaged one is noticed, and its run is trained again.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from experiment.files import write_text
from experiment.metrics import LAST
from experiment.network import NUMERICS
from experiment.parameters import Instructions, Parameters, ValidationFrom
from experiment.support.errors import wrong
from experiment.variants import VARIANTS, Placement

STORE = Path("study/runs.jsonl")

# What is stored of a run: 1 lacks the test images that it gets wrong and the test metrics of the
# kept epoch, 2 lacks the means over the last five epochs and the calibration.
FORMAT = 3

# What a line has of a `Setting`: in `run`, beside the seed, and in `settings`.
VARIED = ("dataset", "placement", "dropout_rate", "train_samples", "dense_units", "epochs")
SHARED = ("batch_size", "filters", "learning_rate", "validation_from", "validation_split")

# Stored with each run, but no part of its key: they change no bit of it.
WITHOUT_INFLUENCE = (
    "python",
    "tensorflow.cuda_build",  # tensorflow and tensorflow-cpu have the same kernels for the CPU
    "variable.TF_CPP_MIN_LOG_LEVEL",
    "version.h5py",
    "version.matplotlib",
    "version.pandas",
)


@dataclass(frozen=True, order=True)
class Setting:
    """All parameters of a training but the seed: runs that repeat each other have the same.

    They are as in params.yaml, but for `dataset`, a name or a path; `placement`, `none` where the
    rate is 0; `train_samples`, always a number; and `further`, what else a variant gives
    `build_model`, as JSON, empty where nothing.
    """

    dataset: str
    placement: Placement
    dropout_rate: float
    train_samples: int
    dense_units: int
    epochs: int
    filters: int
    batch_size: int
    learning_rate: float
    validation_from: ValidationFrom
    validation_split: float
    threads: int
    instructions: Instructions
    numerics: str = NUMERICS
    further: str = ""

    @property
    def is_own(self) -> bool:
        """Whether the images are the user's, who may replace them under their name."""
        return self.dataset.startswith("own/")

    def without_dropout(self) -> "Setting":
        """Return the same without Dropout."""
        return replace(self, placement="none", dropout_rate=0.0)


Run = tuple[Setting, int]  # with its seed: of weights, order of batches, dropped units, images


def plain_setting(params: Parameters, images: int) -> Setting:
    """Return the setting of a training without Dropout by these parameters, on so many images."""
    values = {name: each for _, section in params for name, each in section}
    del values["seed"]
    values |= {"train_samples": images, "placement": "none", "dropout_rate": 0.0}
    return Setting(**values)  # whoever adds a parameter adds it there


def setting_of(params: Parameters, variant: str, images: int) -> Setting:
    """Return the setting of the pipeline's training of a variant, on so many images."""
    differs = dict(VARIANTS[variant].network(params))
    rate, placement = differs.pop("dropout_rate", 0.0), differs.pop("dropout_placement", "none")
    return replace(
        plain_setting(params, images),
        placement=placement if rate else "none",
        dropout_rate=rate,
        further=json.dumps(differs, sort_keys=True) if differs else "",
    )


@dataclass(frozen=True)
class Entry:
    """A run, with its results once it is finished.

    `conditions` are software and hardware, see `study.training.worker.describe_conditions`; `data`
    is the hash of the images and labels, of which validation left as many as are `available` to
    train on. For its results see `study.training.one_run.train_one`; an older `format` lacks some.
    """

    setting: Setting
    seed: int
    conditions: Mapping[str, str]
    data: str
    available: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    curve: Mapping[str, list[float]] = field(default_factory=dict)
    test_errors: list[int] | None = None
    calibration: dict[str, list[float]] | None = None
    format: int = FORMAT

    @property
    def key(self) -> str:
        """SHA-256 of all that its numbers depend on, 64 hexadecimal digits."""
        return hash_content(self.surroundings() | self.parameters())

    def surroundings(self) -> dict[str, Any]:
        """Return what its numbers depend on besides its parameters."""
        conditions = {k: v for k, v in self.conditions.items() if k not in WITHOUT_INFLUENCE}
        return {"conditions": conditions, "data": self.data}

    def parameters(self) -> dict[str, Any]:
        """Return its parameters as its line has them; `conditions` have the others."""
        run = {name: getattr(self.setting, name) for name in VARIED} | {"seed": self.seed}
        if self.setting.further:  # keys of runs are older than it
            run["further"] = self.setting.further
        return {"run": run, "settings": {name: getattr(self.setting, name) for name in SHARED}}

    def to_line(self) -> str:
        """Return it as a line of JSON with its end."""
        content = vars(self) | self.parameters() | {"key": self.key}
        del content["setting"], content["seed"]
        content["checksum"] = hash_content(content)
        return json.dumps(content, sort_keys=True, allow_nan=False) + "\n"


def parse_line(line: str) -> Entry:
    """Read a run; raise ValueError if it is not what was written, InputError if other code did."""
    try:
        content = json.loads(line)
        if content.pop("checksum") != hash_content(content):
            raise ValueError("its content is not what was written")
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None
    # It is whole: were it dropped because this code cannot read it, a good run would be lost.
    try:
        key, run, settings = (content.pop(name) for name in ("key", "run", "settings"))
        conditions, seed = content["conditions"], run.pop("seed")
        avx2 = conditions["variable.ONEDNN_MAX_CPU_ISA"] == "AVX2"
        setting = Setting(
            **run,
            **settings,
            threads=int(conditions["threads"]),
            instructions="avx2" if avx2 else "native",
            numerics=conditions["numerics"],
        )
        entry = Entry(setting, seed, **content)
        if entry.key != key:
            raise ValueError("another key")
    except (KeyError, TypeError, ValueError) as error:
        remedy = "give a new parameter a default that is in no key, as `further` has"
        raise wrong("stored runs", "those of this code's parameters", error, remedy) from None
    return entry


class Store:
    """The file of finished runs: `entries` by key, and `problems`, a text for each damaged line."""

    def __init__(self, path: Path = STORE) -> None:
        self.path, self.entries, self.problems = path, dict[str, Entry](), list[str]()
        # Bytes that are no UTF-8 damage their line alone.
        text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        for number, line in enumerate(text.splitlines(keepends=True), start=1):
            try:
                if not line.endswith("\n"):
                    raise ValueError("torn: it was not written to its end")
                entry = parse_line(line)
                if entry.key in self.entries:
                    raise ValueError("its run stands twice")
                self.entries[entry.key] = entry
            except ValueError as error:
                self.problems.append(f"{path}, line {number}: dropped, damaged ({error})")

    def add(self, entry: Entry) -> None:
        """Append a run, synced to the disk.

        Where it holds damaged lines or the run already, the whole file is rewritten instead.
        """
        rewrite = bool(self.problems) or entry.key in self.entries
        self.entries[entry.key] = entry
        if rewrite:
            write_text(self.path, "".join(each.to_line() for each in self.entries.values()))
            self.problems.clear()
            return
        with self.path.open("ab") as file:
            file.write(entry.to_line().encode())
            file.flush()
            os.fsync(file.fileno())


def load_runs(path: Path = STORE) -> list[Entry]:
    """Return the stored runs that may be compared with each other; see `choose_runs`."""
    return choose_runs(Store(path))


def choose_runs(store: Store) -> list[Entry]:
    """Return the runs that may be compared with each other, or raise InputError if there is none.

    Runs of one setting, or of settings that differ in Dropout alone, may have been trained on
    machines or with software that give other bits. Those of the surroundings with the most runs
    are kept, so that no run counts twice and none is compared across machines. Of own images,
    those of the latest run are kept.
    """
    if not store.entries:
        raise wrong(str(store.path), "finished runs", "none", "run `make study`")
    latest = {entry.setting.dataset: entry.data for entry in store.entries.values()}
    found = [
        (entry.setting.without_dropout(), hash_content(entry.surroundings()), entry)
        for entry in store.entries.values()
        if entry.data == latest[entry.setting.dataset] or not entry.setting.is_own
    ]
    chosen: dict[Setting, str] = {}
    for (family, where), _ in Counter(each[:2] for each in found).most_common():
        chosen.setdefault(family, where)
    return [entry for family, where, entry in found if chosen[family] == where]


def select(entries: Iterable[Entry], setting: Setting) -> dict[int, Entry]:
    """Return the runs of a setting, by seed."""
    return {entry.seed: entry for entry in entries if entry.setting == setting}


def count_ends(own: float, runs: Mapping[int, Entry], seed: int) -> tuple[int, int, int]:
    """Count the runs of other seeds that ended lower and higher than `own`, and all of them.

    A run ends with its validation accuracy (0..1), the mean of the last five epochs.
    """
    curves = [entry.curve["val_accuracy"] for other, entry in runs.items() if other != seed]
    ends = [fmean(values[-LAST:]) for values in curves]
    return sum(end < own for end in ends), sum(end > own for end in ends), len(ends)


def find_difference(old: Entry, new: Entry) -> str | None:
    """Return the first figure of a run that its two trainings do not share bit for bit.

    A figure that one of them lacks, being of an older format, is none.
    """
    first, second = ({**vars(entry), **entry.metrics} for entry in (old, new))
    for name in ("curve", "test_errors", "calibration", *old.metrics):
        if None not in (first[name], second.get(name)) and first[name] != second[name]:
            shown = f": {first[name]!r} stored, {second[name]!r} now" if name in old.metrics else ""
            return name + shown
    return None


def hash_content(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of content for JSON, 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
