"""What the files of a revision say: metrics, parameters, hashes."""

import json
import math
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from gate.errors import CannotCompareError
from gate.revisions import Source

PIPELINES = ("dvc.yaml", "study/dvc.yaml")


@dataclass(frozen=True)
class MetricsFile:
    """One metrics file of one revision.

    Attributes:
        values: by key, nested ones joined by dots; whatever is there, numbers or not.
        problem: why nothing can be read from it; None where all is well.
    """

    values: Mapping[str, object] = field(default_factory=dict)
    problem: str | None = None


def metrics_files(source: Source) -> list[str]:
    """The files that the pipeline and the study declare as metrics, sorted.

    Raises:
        CannotCompareError: a dvc.yaml is broken, or the pipeline's is missing.
    """
    found = set()
    for pipeline in PIPELINES:
        content = read_yaml(source, pipeline)
        if content is None and pipeline == PIPELINES[0]:
            raise CannotCompareError(
                f"{pipeline} of {source.name}: no such file; run this where {pipeline} is, and"
                " compare with a revision that has it"
            )
        try:
            entries = list(_entries(content or {}))
        except (AttributeError, TypeError):
            raise CannotCompareError(
                f"{pipeline} of {source.name}: expected a pipeline as DVC reads it; mend it"
            ) from None
        for folder, entry in entries:
            path = next(iter(entry)) if isinstance(entry, Mapping) and entry else str(entry)
            found.add(posixpath.normpath(f"{posixpath.dirname(pipeline) or '.'}/{folder}/{path}"))
    return sorted(found)


def _entries(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The entries under `metrics:`, each with the folder it is relative to."""
    for entry in content.get("metrics") or ():
        yield ".", entry
    for stage in (content.get("stages") or {}).values():
        for entry in stage.get("metrics") or ():
            yield stage.get("wdir", "."), entry


def merge_conflict(content: bytes) -> str:
    """Where Git left a conflict in a file, and what to do; empty where it did not."""
    lines = enumerate(content.splitlines(), start=1)
    first = next((number for number, line in lines if line.startswith(b"<<<<<<< ")), None)
    found = f"found a merge conflict in line {first}; resolve it, then run `dvc repro`"
    return found if first else ""


def read_metrics(source: Source, path: str) -> MetricsFile:
    """A metrics file; where it cannot be read, the reason."""
    try:
        text = source.read(path)
    except CannotCompareError as error:
        return MetricsFile(problem=str(error))
    if text is None:
        return MetricsFile(problem="the file is missing")
    if not text.strip():
        return MetricsFile(problem="the file is empty")
    if conflict := merge_conflict(text):
        return MetricsFile(problem=f"the file is broken: {conflict}")
    try:
        content = json.loads(text, object_pairs_hook=_without_duplicates)
        if not isinstance(content, dict):
            raise ValueError(f"found {type(content).__name__}")
        return MetricsFile(_flat(content))
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        problem = " ".join(str(error).split())
        return MetricsFile(problem=f"the file is broken: expected a JSON object; {problem}")


def _without_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("found a key twice")
    return dict(pairs)


def _flat(content: Mapping[str, Any]) -> dict[str, object]:
    return _without_duplicates(list(_leaves(content)))


def _leaves(content: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def read_number(value: object) -> float | None:
    """The finite number that a value of a file is; None for text, true, NaN, infinity, ..."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def read_leaves(source: Source, path: str) -> dict[str, object] | None:
    """A YAML file of nested mappings, flat: `section.key`; None where there is no file.

    Raises:
        CannotCompareError: the file is broken.
    """
    content = read_yaml(source, path)
    return None if content is None else dict(_leaves(content))


def read_yaml(source: Source, path: str) -> dict[str, Any] | None:
    """A YAML 1.2 mapping, as DVC reads it; None where there is no file.

    Raises:
        CannotCompareError: the file is not UTF-8, not YAML, or not a mapping.
    """
    text = source.read(path)
    if text is None:
        return None
    where = f"{path} of {source.name}"
    if conflict := merge_conflict(text):
        raise CannotCompareError(f"{where}: expected YAML; {conflict}")
    try:
        content = YAML(typ="safe").load(text.decode())
    except MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        problem = " ".join((error.problem or "it cannot be parsed").split())
        raise CannotCompareError(f"{where}{line}: expected YAML, but {problem}; mend it") from None
    except (YAMLError, ValueError, RecursionError) as error:
        problem = " ".join(str(error).split())
        raise CannotCompareError(f"{where}: expected YAML, but {problem}; mend it") from None
    if not isinstance(content, dict):
        found = "nothing" if content is None else type(content).__name__
        raise CannotCompareError(f"{where}: expected `name: value` lines; found {found}")
    return content
