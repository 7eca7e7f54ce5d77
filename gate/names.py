"""Metrics by name: their values, and what they may have been called before."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gate.errors import CannotCompareError, shown
from gate.reading import MetricsFile, read_number

# File and key.
Name = tuple[str, str]


@dataclass(frozen=True)
class Found:
    """What one side has under a name.

    Attributes:
        number: its value; None where that is no finite number.
        problem: why there is none; None where there is.
        absent: whether the file can be read, or is not declared at all, and has no such key.
    """

    number: float | None = None
    problem: str | None = None
    absent: bool = False


def parse_name(text: str, file: str) -> Name:
    """`key` or `file:key`, as DVC writes it."""
    path, colon, key = text.rpartition(":")
    return (path, key) if colon else (file, text)


def find(files: Mapping[str, MetricsFile], name: Name) -> Found:
    """What one side has under a name."""
    path, key = name
    file = files.get(path)
    if file is None:
        return Found(problem="missing", absent=True)
    if file.problem:
        return Found(problem=f"{path}: {file.problem}")
    if key not in file.values:
        return Found(problem="missing", absent=True)
    value = file.values[key]
    number = read_number(value)
    return Found(
        number,
        None if number is not None else f"expected a finite number; found {shown(value)}",
    )


def renamed(
    name: Name, value: Found, files: Mapping[str, MetricsFile], unmatched: Iterable[Name]
) -> Name | None:
    """Which of the names that only the other side has may be the same metric.

    The one with the same value, else the same key in another file, else the most alike key in the
    same file. A guess, to be shown and not to be used.
    """
    others = sorted(unmatched)
    for other in others:
        if value.number is not None and find(files, other).number == value.number:
            return other
    for other in others:
        if other[1] == name[1]:
            return other
    keys = [key for file, key in others if file == name[0]]
    alike = difflib.get_close_matches(name[1], keys, n=1, cutoff=0.75)
    return (name[0], alike[0]) if alike else None


def nearest(name: Name, known: Iterable[Name]) -> CannotCompareError:
    """The error for a rule whose metric neither side has."""
    names = [": ".join(other) for other in sorted(known)]
    close = difflib.get_close_matches(": ".join(name), names, n=1)
    hint = f"did you mean {close[0]}?" if close else "remove it, or run the pipeline"
    return CannotCompareError(
        f"gate.yaml: {': '.join(name)}: expected a metric of the base or the candidate; found none;"
        f" {hint}"
    )
