"""Everything that a comparison needs of one side, read once."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

MOST_VALUES = 20_000  # of one file; YAML's anchors can make billions of a few bytes

Name = tuple[str, str]  # of a metric: its file and its key
# By name: what the base has and what the candidate has; None for nothing.
Pairs = Mapping[str, tuple[object, object]]


@dataclass(frozen=True)
class MetricsFile:
    """One metrics file of one side."""

    values: Mapping[str, object] = field(default_factory=dict)  # by key; nested ones have dots
    problem: str | None = None  # why nothing can be read from it
    missing: bool = False  # because neither Git nor DVC knows it


@dataclass(frozen=True)
class Snapshot:
    """One side: the workspace or a commit, as DVC sees it. Paths are relative to the DVC root."""

    name: str
    commit: str | None  # None for the workspace
    metrics: Mapping[str, MetricsFile]  # by path
    parameters: Mapping[str, object]  # by `file: name`
    inputs: Mapping[str, str | None]  # hashes of what stages read and no stage writes
    outputs: Mapping[str, str | None]  # hashes of what stages write
    sources: Mapping[str, frozenset[str]]  # by metrics file, all inputs and parameters behind it
    frozen: frozenset[str]  # names of stages
    environment: Mapping[str, object]  # by `file: name`
    stale: Mapping[str, str]  # by stage, why its results do not belong to the files beside them
    files: Mapping[str, str | None]  # text of other files that gate.yaml names

    @property
    def names(self) -> set[Name]:
        """Every metric that could be read."""
        return {(path, key) for path, file in self.metrics.items() for key in file.values}

    @property
    def known(self) -> dict[str, object]:
        """Hashes and values of all that the results come from, by path or parameter."""
        return {**self.outputs, **self.inputs, **self.parameters}


def covers(source: str, name: str) -> bool:
    """Return whether a dependency is, or as a folder, section or whole file contains, another."""
    separator = "/" if ": " not in source else ("" if source.endswith(": ") else ".")
    return name == source or name.startswith(source + separator)


def differences(a: Mapping[str, object], b: Mapping[str, object]) -> Pairs:
    """Return the entries of two mappings that differ, by name."""
    names = (name for name in sorted({*a, *b}) if a.get(name) != b.get(name))
    return {name: (a.get(name), b.get(name)) for name in names}


def flat(content: object, prefix: str = "") -> dict[str, object]:
    """Return nested mappings as one, with keys joined by dots; a bare value has the key `""`."""
    if not isinstance(content, Mapping) or (prefix and not content):
        return {prefix: content}
    found: dict[str, object] = {}
    for key, value in content.items():
        found |= flat(value, f"{prefix}.{key}" if prefix else str(key))
    return found


def check_size(content: object) -> None:
    """Raise ValueError for content that anchors blow up beyond `MOST_VALUES`."""
    sizes: dict[int, int] = {}

    def measure(value: object) -> int:
        if not isinstance(value, Mapping | list):
            return 1
        if id(value) not in sizes:
            sizes[id(value)] = MOST_VALUES + 1  # a value within itself has no end
            inner = value.values() if isinstance(value, Mapping) else value
            sizes[id(value)] = 1 + sum(measure(item) for item in inner)
        return sizes[id(value)]

    if measure(content) > MOST_VALUES:
        raise ValueError(f"expected at most {MOST_VALUES} values; found more")


def read_number(value: object) -> float | None:
    """Return the finite number that a value is, or None for text, true, NaN, infinity, ..."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
