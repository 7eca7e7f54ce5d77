"""Everything that a comparison needs of one side, read once."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

MOST_VALUES = 20_000  # of one file; YAML's anchors can make billions of a few bytes
MISSING = "the file is missing"  # neither Git nor DVC knows it

Name = tuple[str, str]  # of a metric: its file and its key
# By name: what the base has and what the candidate has; None for nothing.
Pairs = Mapping[str, tuple[object, object]]


@dataclass(frozen=True)
class Snapshot:
    """One side: the workspace or a commit, as DVC sees it. Paths are relative to the DVC root."""

    name: str = "workspace"
    # By file, by key, where nested ones have dots; or why nothing can be read from the file.
    metrics: Mapping[str, Mapping[str, object] | str] = field(default_factory=dict)
    parameters: Mapping[str, object] = field(default_factory=dict)  # by `file: name`
    inputs: Mapping[str, Any] = field(default_factory=dict)  # hashes of what no stage writes
    outputs: Mapping[str, Any] = field(default_factory=dict)  # hashes of what stages write
    # By metrics file, all inputs and parameters behind it.
    sources: Mapping[str, frozenset[str]] = field(default_factory=dict)
    frozen: frozenset[str] = frozenset()  # names of stages
    environment: Mapping[str, object] = field(default_factory=dict)  # by `file: name`
    # By stage, why its results do not belong to the files beside them.
    stale: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str | None] = field(default_factory=dict)  # text of those in gate.yaml

    @property
    def values(self) -> dict[Name, object]:
        """Every metric that could be read."""
        files = {path: found for path, found in self.metrics.items() if not isinstance(found, str)}
        return {(path, key): value for path, found in files.items() for key, value in found.items()}

    @property
    def known(self) -> dict[str, object]:
        """Hashes and values of all that the results come from, by path or parameter."""
        return {**self.outputs, **self.inputs, **self.parameters}


def matches(name: str, patterns: Collection[str]) -> bool:
    """Return whether one of the patterns matches a name."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def covers(source: str, name: str) -> bool:
    """Return whether a dependency is, or as a folder, section or whole file contains, another."""
    separator = "/" if ": " not in source else ("" if source.endswith(": ") else ".")
    return name == source or name.startswith(source + separator)


def differences(a: Mapping[str, object], b: Mapping[str, object]) -> Pairs:
    """Return the entries of two mappings that differ, by name."""
    names = (name for name in sorted({*a, *b}) if a.get(name) != b.get(name))
    return {name: (a.get(name), b.get(name)) for name in names}


def last_part(parameter: str) -> str:
    """Return `seed` of `params.yaml: train.seed`."""
    return parameter.rpartition(": ")[2].rpartition(".")[2]


def flat(content: object, prefix: str = "") -> dict[str, object]:
    """Return nested mappings as one, with keys joined by dots; a bare value has the key `""`."""
    if not isinstance(content, Mapping) or (prefix and not content):
        return {prefix: content}
    found: dict[str, object] = {}
    for key, value in content.items():
        found |= flat(value, f"{prefix}.{key}" if prefix else str(key))
    return found


def check_size(content: object) -> object:
    """Return content, or raise ValueError if anchors blow it up beyond `MOST_VALUES`."""
    waiting, count = [content], 1
    while waiting and count <= MOST_VALUES:
        value = waiting.pop()
        if isinstance(value, Mapping | list):
            count += len(value)
            waiting += value.values() if isinstance(value, Mapping) else value
    if count > MOST_VALUES:
        raise ValueError(f"expected at most {MOST_VALUES} values; found more")
    return content


def read_number(value: object) -> float | None:
    """Return the finite number that a value is, or None for text, true, NaN, infinity, ..."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
