"""Everything that a comparison needs of one side, read once."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class MetricsFile:
    """One metrics file of one side.

    Attributes:
        values: by key, nested ones joined by dots; whatever is there, numbers or not.
        problem: why nothing can be read from it; None if it was read.
    """

    values: Mapping[str, object] = field(default_factory=dict)
    problem: str | None = None


@dataclass(frozen=True)
class Snapshot:
    """One side: the workspace or a commit, as DVC sees it. Paths are relative to the DVC root.

    Attributes:
        name: what people call it.
        commit: full hash; None for the workspace.
        metrics: by path, the metrics files that any dvc.yaml declares.
        parameters: by `file: name`.
        inputs: by path, hashes of the files and folders that stages read and no stage writes.
        outputs: by path, hashes of what the stages wrote.
        environment: by `file: name`, the machine and software of the results.
        stale: by stage, why its results do not belong to the files beside them.
        files: text of the other files that gate.yaml names; None for a file that does not exist.
        settings: entries of gate.yaml, flat; None if there is no such file.
    """

    name: str
    commit: str | None = None
    metrics: Mapping[str, MetricsFile] = field(default_factory=dict)
    parameters: Mapping[str, object] = field(default_factory=dict)
    inputs: Mapping[str, str | None] = field(default_factory=dict)
    outputs: Mapping[str, str | None] = field(default_factory=dict)
    environment: Mapping[str, object] = field(default_factory=dict)
    stale: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str | None] = field(default_factory=dict)
    settings: Mapping[str, object] | None = None


# By name: what the base has and what the candidate has; None for nothing.
Pairs = Mapping[str, tuple[Any, Any]]


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> Pairs:
    """The entries of two mappings that differ, by name."""
    return {
        name: (a.get(name), b.get(name)) for name in sorted({*a, *b}) if a.get(name) != b.get(name)
    }


def flat(content: object, prefix: str = "") -> dict[str, object]:
    """Nested mappings as one, with keys joined by dots; a bare value has the key `""`."""
    if not isinstance(content, Mapping):
        return {prefix: content}
    found: dict[str, object] = {}
    for key, value in content.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, Mapping) and value:
            found |= flat(value, name)
        else:
            found[name] = value
    return found


def read_number(value: object) -> float | None:
    """The finite number that a value is; None for text, true, NaN, infinity, ..."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
