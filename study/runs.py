"""Stored runs, one line each in `study/runs.jsonl`, and which of them repeat a setting.

A run is known by the hash of all that its numbers depend on, so none is trained twice. Each line
holds a checksum of its content: a damaged one is noticed, and its run is trained again.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from experiment.files import CURVE_COLUMNS, replacing
from experiment.network import NUMERICS
from experiment.parameters import Instructions, Parameters
from experiment.support.errors import wrong
from experiment.variants import VARIANTS, Placement

STORE = Path("study/runs.jsonl")

# What is stored of a run: 1 lacks the test images that it gets wrong and the test metrics of the
# kept epoch, 2 lacks the means over the last five epochs and the calibration.
FORMAT = 3

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
class _Varied:
    """What a grid varies beside the seed.

    Attributes:
        dataset: name or path.
        placement: where Dropout is; `none` where the rate is 0.
        dropout_rate: share of units dropped, in [0, 1).
        train_samples: number of training images, 1 or more.
        dense_units: of the dense layer, 1 or more.
        epochs: passes over the images, 1 or more.
    """

    dataset: str
    placement: Placement
    dropout_rate: float
    train_samples: int
    dense_units: int
    epochs: int


@dataclass(frozen=True, order=True)
class Run(_Varied):
    """One training of a grid, and all in which it differs from the others there.

    Attributes:
        seed: of weights, order of batches, dropped units and the choice of the images.
        further: what else a variant gives `build_model`, as JSON; empty where nothing.
    """

    seed: int
    further: str = ""

    def to_content(self) -> dict[str, Any]:
        """Return it for JSON; keys of runs are older than `further`, which is left out if empty."""
        return {name: value for name, value in asdict(self).items() if name != "further" or value}


@dataclass(frozen=True, order=True)
class Setting(_Varied):
    """All parameters of a training but the seed; attributes as in `Run` and params.yaml."""

    filters: int
    batch_size: int
    learning_rate: float
    validation_from: str
    validation_split: float
    threads: int
    instructions: Instructions
    numerics: str = NUMERICS
    further: str = ""

    def without_dropout(self) -> "Setting":
        """Return the same without Dropout."""
        return replace(self, placement="none", dropout_rate=0.0)


def shared_settings(params: Parameters) -> dict[str, Any]:
    """Return the parameters that all runs of a grid share, as `Entry.settings`."""
    return {
        "batch_size": params.train.batch_size,
        "filters": params.model.filters,
        "learning_rate": params.train.learning_rate,
        "validation_from": params.preprocess.validation_from,
        "validation_split": params.preprocess.validation_split,
    }


def run_of(params: Parameters, variant: str, images: int, seed: int) -> Run:
    """Return a training of the pipeline as a run.

    Args:
        params: of the pipeline.
        variant: its name in `VARIANTS`.
        images: number of training images.
        seed: 0 or more.
    """
    differs = dict(VARIANTS[variant].network(params))
    rate, placement = differs.pop("dropout_rate", 0.0), differs.pop("dropout_placement", "none")
    return Run(
        dataset=params.data.dataset,
        placement=placement if rate else "none",
        dropout_rate=rate,
        train_samples=images,
        dense_units=params.model.dense_units,
        epochs=params.train.epochs,
        seed=seed,
        further=json.dumps(differs, sort_keys=True) if differs else "",
    )


def setting_of(run: Run, params: Parameters) -> Setting:
    """Return what a run has in common with those of other seeds, trained by these parameters."""
    own = {name: value for name, value in asdict(run).items() if name != "seed"}
    return Setting(
        **own,
        **shared_settings(params),
        threads=params.train.threads,
        instructions=params.train.instructions,
    )


@dataclass(frozen=True)
class Entry:
    """A run, with its results once it is finished.

    Attributes:
        run: what was trained.
        settings: parameters that all runs of a grid share.
        conditions: software and hardware; see `study.training.worker.describe_conditions`.
        data: hash of the images and labels.
        available: number of training images that validation left; `run` may use fewer.
        metrics: by name; see `study.training.one_run.train_one`.
        curve: a row per epoch with `CURVE_COLUMNS`.
        test_errors: test images that it classifies wrongly; None where they were not stored.
        calibration: see `study.training.one_run.calibrate`; None where it was not stored.
        format: see `FORMAT`.
    """

    run: Run
    settings: Mapping[str, Any]
    conditions: Mapping[str, str]
    data: str
    available: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    curve: list[dict[str, float]] = field(default_factory=list)
    test_errors: list[int] | None = None
    calibration: dict[str, list[float]] | None = None
    format: int = FORMAT

    @property
    def key(self) -> str:
        """SHA-256 of all that its numbers depend on, 64 hexadecimal digits."""
        return _hash(
            self._surroundings() | {"run": self.run.to_content(), "settings": self.settings}
        )

    @property
    def environment(self) -> str:
        """Hash of what it depends on besides its parameters."""
        return _hash(self._surroundings())

    def _surroundings(self) -> dict[str, Any]:
        conditions = {k: v for k, v in self.conditions.items() if k not in WITHOUT_INFLUENCE}
        return {"conditions": conditions, "data": self.data}

    @property
    def setting(self) -> Setting:
        """What it shares with runs of other seeds."""
        run = asdict(self.run)
        del run["seed"]
        widest = self.conditions["variable.ONEDNN_MAX_CPU_ISA"]
        return Setting(
            **run,
            **self.settings,
            threads=int(self.conditions["threads"]),
            instructions="avx2" if widest == "AVX2" else "native",
            numerics=self.conditions["numerics"],
        )

    def to_line(self) -> str:
        """Return it as a line of JSON with its end."""
        columns = CURVE_COLUMNS[1:]
        content = vars(self) | {
            "curve": {column: [row[column] for row in self.curve] for column in columns},
            "key": self.key,
            "run": self.run.to_content(),
        }
        content["checksum"] = _hash(content)
        return json.dumps(content, sort_keys=True, allow_nan=False) + "\n"


def parse_line(line: str) -> Entry:
    """Read a run from its line.

    Raises:
        ValueError: the line is not what was written.
    """
    try:
        content = json.loads(line)
        if content.pop("checksum") != _hash(content):
            raise ValueError("its content is not what was written")
        key, columns = content.pop("key"), content.pop("curve")
        rows = zip(*columns.values(), strict=True)
        curve = [
            {"epoch": epoch, **dict(zip(columns, row, strict=True))}
            for epoch, row in enumerate(rows, start=1)
        ]
        entry = Entry(**content | {"run": Run(**content["run"]), "curve": curve})
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None
    if entry.key != key:
        raise ValueError("its key is of another run")
    return entry


@dataclass
class Store:
    """The file of finished runs.

    Attributes:
        path: of the file.
        entries: its runs, by key, in their order.
        problems: a line of text for each line of the file that is damaged or torn.
    """

    path: Path = STORE
    entries: dict[str, Entry] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.path.exists():
            return
        # Bytes that are no UTF-8 damage their line alone.
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
        for number, line in enumerate(lines, start=1):
            try:
                if not line.endswith("\n"):
                    raise ValueError("torn: it was not written to its end")
                entry = parse_line(line)
            except ValueError as error:
                self.problems.append(f"{self.path}, line {number}: dropped, damaged ({error})")
            else:
                if entry.key in self.entries:
                    self.problems.append(f"{self.path}, line {number}: dropped, a run stands twice")
                self.entries.setdefault(entry.key, entry)

    def add(self, entry: Entry) -> None:
        """Append a run, synced to the disk.

        Where it holds damaged lines or the run already, the whole file is rewritten instead.
        """
        rewrite = bool(self.problems) or entry.key in self.entries
        self.entries[entry.key] = entry
        if rewrite:
            with replacing(self.path) as temporary:
                text = "".join(each.to_line() for each in self.entries.values())
                temporary.write_text(text, encoding="utf-8", newline="\n")
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
    """Return the runs that may be compared with each other.

    Runs of one setting, or of settings that differ in Dropout alone, may have been trained on
    machines or with software that give other bits. Those of the environment with the most runs are
    kept, so that no run counts twice and none is compared across environments.

    Raises:
        InputError: there is no run.
    """
    entries = [*store.entries.values()]
    if not entries:
        raise wrong(str(store.path), "finished runs", "none", "run `make study`")
    groups: dict[Setting, Counter[str]] = {}
    for entry in entries:
        groups.setdefault(entry.setting.without_dropout(), Counter())[entry.environment] += 1
    chosen = {family: counts.most_common(1)[0][0] for family, counts in groups.items()}
    return [e for e in entries if chosen[e.setting.without_dropout()] == e.environment]


def select(entries: Iterable[Entry], setting: Setting) -> dict[int, Entry]:
    """Return the runs of a setting, by seed."""
    return {entry.run.seed: entry for entry in entries if entry.setting == setting}


def find_difference(old: Entry, new: Entry) -> str | None:
    """Return the first figure of a run that its two trainings do not share bit for bit.

    A figure that one of them lacks, being of an older format, is none.
    """
    first, second = ({**entry.metrics, **vars(entry)} for entry in (old, new))
    for name in (*old.metrics, "curve", "test_errors", "calibration"):
        values = [found.get(name) for found in (first, second)]
        if None not in values and values[0] != values[1]:
            shown = f": {values[0]!r} stored, {values[1]!r} now" if name in old.metrics else ""
            return name + shown
    return None


def _hash(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
