"""Is like compared with like? What differs between two sides beside the metrics."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gate.errors import CannotCompareError
from gate.reading import read_leaves, read_metrics, read_yaml
from gate.revisions import Source, Workspace

PARAMETERS, LOCK, GATE = "params.yaml", "dvc.lock", "gate.yaml"
ENVIRONMENT = ".environment.json"

# By name: what the base has and what the candidate has; None for nothing.
Pairs = Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Differences:
    """What differs, by kind; by name, the base's value and the candidate's.

    Attributes:
        parameters: leaves of params.yaml.
        data: hashes of what lies under data/.
        code: hashes of the other files and folders that stages depend on and none of them writes.
        environment: what of machine and software can change the bits of a result.
        outputs: hashes of models, curves, metrics and pictures.
        gate: leaves of gate.yaml, where the gate itself is another.
        unknown: what could not be compared, in words.
        stale: parameters, code and data that are not those which the candidate's results were made
            with: as dvc.lock has it, and as it is.
        edited: metrics of the candidate that are not those which dvc.lock has.
    """

    parameters: Pairs = field(default_factory=dict)
    data: Pairs = field(default_factory=dict)
    code: Pairs = field(default_factory=dict)
    environment: Pairs = field(default_factory=dict)
    outputs: Pairs = field(default_factory=dict)
    gate: Pairs = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    stale: Pairs = field(default_factory=dict)
    edited: tuple[str, ...] = ()

    @property
    def like_with_like(self) -> bool:
        """Whether parameters, data, code and environment are known to be the same."""
        return not any(
            (self.parameters, self.data, self.code, self.environment, self.unknown, self.stale)
        )

    @property
    def not_reproduced(self) -> bool:
        """Whether the same inputs gave other bytes."""
        return self.like_with_like and bool(self.outputs or self.edited)


@dataclass(frozen=True)
class _Lock:
    """Hashes of one dvc.lock, by path, and the parameters that its results were made with."""

    data: Mapping[str, str]
    code: Mapping[str, str]
    sources: Mapping[str, str]
    outputs: Mapping[str, str]
    environments: tuple[str, ...]
    parameters: Mapping[str, object]


def find_differences(base: Source, candidate: Workspace) -> Differences:
    """Everything beside the metrics in which two sides differ.

    Raises:
        CannotCompareError: a file is there and broken.
    """
    unknown = [
        f"{path}: {source.name} has none"
        for path in (PARAMETERS, LOCK)
        for source in (base, candidate)
        if source.read(path) is None
    ]
    before, after = _read_lock(base), _read_lock(candidate)
    parameters = read_leaves(candidate, PARAMETERS) or {}
    files = sorted({*before.environments, *after.environments})
    made_with = {**after.sources, **after.parameters}
    sources_here = {path: _hash(candidate, path) for path in after.sources}
    parameters_here = {name: parameters.get(name) for name in after.parameters}
    metrics = [path for path in after.outputs if path.endswith(".json")]
    return Differences(
        parameters=differences(read_leaves(base, PARAMETERS) or {}, parameters),
        data=differences(before.data, after.data),
        code=differences(before.code, after.code),
        environment=differences(environments(base, files), environments(candidate, files)),
        outputs=differences(before.outputs, after.outputs),
        gate=_gates(base, candidate),
        unknown=tuple(unknown),
        stale=differences(made_with, {**sources_here, **parameters_here}),
        edited=tuple(p for p in metrics if _md5(candidate, p) != after.outputs[p]),
    )


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> Pairs:
    """By name, what two mappings have, where that differs."""
    return {
        name: (a.get(name), b.get(name)) for name in sorted({*a, *b}) if a.get(name) != b.get(name)
    }


def _read_lock(source: Source) -> _Lock:
    stages = (read_yaml(source, LOCK) or {}).get("stages") or {}
    outputs = output_hashes(source)
    try:
        deps = _hashes(stages, "deps")
        files = [p for stage in stages.values() for p in (stage.get("params") or {}).items()]
        parameters = {name: value for file, by_name in files if file == PARAMETERS
                      for name, value in by_name.items()}  # fmt: skip
    except _BROKEN:
        raise _not_of_dvc(source) from None
    # The parameters are compared one by one: a comment in their file changes no result.
    sources = {p: md5 for p, md5 in deps.items() if p not in {PARAMETERS, *outputs}}
    data = {p: md5 for p, md5 in {**sources, **outputs}.items() if p.startswith("data/")}
    environments = tuple(path for path in outputs if path.endswith(ENVIRONMENT))
    rest = outputs.keys() - data.keys() - {*environments}
    return _Lock(
        data=data,
        code={path: md5 for path, md5 in sources.items() if path not in data},
        sources=sources,
        outputs={path: outputs[path] for path in sorted(rest)},
        environments=environments,
        parameters=parameters,
    )


def output_hashes(source: Source) -> dict[str, str]:
    """What the stages wrote, by path: the hashes in dvc.lock; empty where there is none.

    Raises:
        CannotCompareError: the file is broken.
    """
    try:
        return _hashes((read_yaml(source, LOCK) or {}).get("stages") or {}, "outs")
    except _BROKEN:
        raise _not_of_dvc(source) from None


_BROKEN = (AttributeError, KeyError, TypeError)


def _not_of_dvc(source: Source) -> CannotCompareError:
    return CannotCompareError(
        f"{LOCK} of {source.name}: expected what DVC writes; found something else; restore it"
    )


def _hashes(stages: Mapping[str, Any], kind: str) -> dict[str, str]:
    entries = [entry for stage in stages.values() for entry in stage.get(kind) or ()]
    return {entry["path"]: entry["md5"] for entry in entries}


def _gates(base: Source, candidate: Source) -> Pairs:
    try:
        before = read_leaves(base, GATE)
    except CannotCompareError:
        before = None
    if before is None:
        return {GATE: (None, "new")}
    return differences(before, read_leaves(candidate, GATE) or {})


def environments(source: Source, paths: list[str]) -> dict[str, object]:
    """By `file: name`, what the environment files say; a broken one is something else."""
    read = {path: read_metrics(source, path) for path in paths}
    return {
        f"{path}: {name}": value
        for path, file in read.items()
        for name, value in (file.values or {"": file.problem}).items()
    }


def _hash(workspace: Workspace, path: str) -> str | None:
    """DVC's hash of a file or folder; None where there is none."""
    if not (workspace.folder / path).is_dir():
        return _md5(workspace, path)
    entries = [
        {"md5": _md5(workspace, f"{path}/{name}"), "relpath": name}
        for name in workspace.files_of(path)
    ]
    return _md5_of(json.dumps(entries, sort_keys=True).encode()) + ".dir"


def _md5(source: Source, path: str) -> str | None:
    content = source.read(path)
    return None if content is None else _md5_of(content)


def _md5_of(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
