"""Compares what is committed with what a rerun gave."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from experiment.common.errors import InputError

SAME_BYTES, NOT_REPRODUCED, WITHIN_NOISE = 0, 1, 3

# Two runs with other seeds differ with a standard deviation of sqrt(2) times that of one run. Of
# that, three: a difference which seeds alone make once in several hundred comparisons.
MOST_DEVIATIONS = 3.0

VERDICTS = {
    SAME_BYTES: "same bytes",
    NOT_REPRODUCED: "not reproduced",
    WITHIN_NOISE: "other bytes, within the noise over seeds, in another environment",
}


@dataclass(frozen=True)
class Number:
    """A metric that differs.

    Attributes:
        name: file and key.
        committed: value of the committed results; None where it is missing.
        rerun: value of the rerun; None where it is missing.
        deviations: the difference in standard deviations of the difference of two runs with other
            seeds; None where that is not known, infinite where seeds never changed the value.
    """

    name: str
    committed: float | None
    rerun: float | None
    deviations: float | None


@dataclass(frozen=True)
class Certificate:
    """What a rerun showed.

    Attributes:
        revision: commit that was rerun.
        outputs: by output of dvc.lock, whether it has the same bytes.
        numbers: metrics that differ.
        environment: by name, what differs: the committed value and that of this machine.
        status: a key of `VERDICTS`.
        reason: the verdict's, in words.
    """

    revision: str
    outputs: Mapping[str, bool]
    numbers: tuple[Number, ...]
    environment: Mapping[str, tuple[str | None, str | None]]
    status: int
    reason: str

    def to_json(self) -> str:
        """The certificate for programs."""
        content = {**asdict(self), "verdict": VERDICTS[self.status]}
        return json.dumps(content, indent=2, sort_keys=True, default=str) + "\n"

    def to_text(self) -> str:
        """The certificate for people."""
        width = max(map(len, self.outputs), default=0)
        lines = [f"Rerun of {self.revision} from nothing", ""]
        lines += [
            f"  {name:{width}}  {'same bytes' if same else 'OTHER BYTES'}"
            for name, same in self.outputs.items()
        ]
        if self.numbers:
            lines += ["", "Numbers that differ (committed, rerun, standard deviations apart)"]
            lines += [f"  {n.name}  {n.committed}  {n.rerun}  {_text(n)}" for n in self.numbers]
        if self.environment:
            lines += ["", "Environment that differs (committed, this machine)"]
            lines += [f"  {name}  {a}  {b}" for name, (a, b) in self.environment.items()]
        verdict = VERDICTS[self.status]
        return "\n".join([*lines, "", f"Verdict: {verdict} ({self.reason})", ""])


def _text(number: Number) -> str:
    return "noise not known" if number.deviations is None else f"{number.deviations:.2f}"


def compare(
    committed: Path, rerun: Path, noise: Mapping[str, Mapping[str, float]], revision: str = "HEAD"
) -> Certificate:
    """Compares two folders, each with `dvc.lock` and the files of Git.

    Args:
        committed: the results as committed.
        rerun: the results of the rerun.
        noise: by metrics file, by key: standard deviation over seeds.
        revision: named in the certificate.

    Raises:
        InputError: a `dvc.lock` is broken.
    """
    before, after = (_hashes(folder) for folder in (committed, rerun))
    outputs = {name: before.get(name) == after.get(name) for name in sorted(before | after)}
    numbers = tuple(
        _difference(f"{file}: {key}", a.get(key), b.get(key), noise.get(file, {}).get(key))
        for file in _metrics_files(committed)
        for a, b in [(_read(committed / file), _read(rerun / file))]
        for key in sorted(a | b)
        if a.get(key) != b.get(key)
    )
    environment = {
        name: pair
        for file in sorted(name for name in outputs if name.endswith(".environment.json"))
        for name, pair in _differences(_read(committed / file), _read(rerun / file)).items()
    }
    status, reason = _judge(outputs, numbers, environment)
    return Certificate(revision, outputs, numbers, environment, status, reason)


def _judge(
    outputs: Mapping[str, bool], numbers: tuple[Number, ...], environment: Mapping[str, object]
) -> tuple[int, str]:
    other = [name for name, same in outputs.items() if not same]
    if not outputs:
        return NOT_REPRODUCED, "there are no committed results to compare with"
    if not other:
        return SAME_BYTES, f"{len(outputs)} of {len(outputs)} outputs"
    data = [name for name in other if name.startswith("data/")]
    if data:
        return NOT_REPRODUCED, f"the data differ: {data[0]}"
    # Written so that NaN is far, too.
    far = [n for n in numbers if n.deviations is None or not n.deviations <= MOST_DEVIATIONS]
    if far:
        return NOT_REPRODUCED, f"{far[0].name}: {_text(far[0])}, limit {MOST_DEVIATIONS}"
    if not environment:
        return NOT_REPRODUCED, f"{other[0]} differs and nothing in the environment does"
    return WITHIN_NOISE, f"{', '.join(environment)} differ"


def _difference(name: str, a: Any, b: Any, deviation: float | None) -> Number:
    committed, rerun = (v if isinstance(v, int | float) else None for v in (a, b))
    if committed is None or rerun is None or deviation is None:
        return Number(name, committed, rerun, None)
    difference = abs(committed - rerun)
    scale = math.sqrt(2) * deviation
    return Number(name, committed, rerun, difference / scale if scale else math.inf)


def _differences(
    a: Mapping[str, str], b: Mapping[str, str]
) -> dict[str, tuple[str | None, str | None]]:
    return {
        name: (a.get(name), b.get(name)) for name in sorted({*a, *b}) if a.get(name) != b.get(name)
    }


def _hashes(folder: Path) -> dict[str, str]:
    """By output: its hash in dvc.lock."""
    path = folder / "dvc.lock"
    if not path.is_file():
        return {}
    try:
        stages = YAML(typ="safe").load(path.read_text(encoding="utf-8"))["stages"].values()
        return {out["path"]: out["md5"] for stage in stages for out in stage.get("outs", [])}
    except (YAMLError, ValueError, TypeError, KeyError, AttributeError):
        raise InputError(
            f"{path.name}: expected what DVC writes, found something else; restore it from Git"
        ) from None


def _metrics_files(folder: Path) -> list[str]:
    """The metrics files that dvc.yaml declares."""
    content = YAML(typ="safe").load((folder / "dvc.yaml").read_text(encoding="utf-8"))
    entries = [entry for s in content["stages"].values() for entry in s.get("metrics", [])]
    return sorted(next(iter(e)) if isinstance(e, dict) else e for e in entries)


def _read(path: Path) -> dict[str, Any]:
    """A flat JSON file; nothing where it is missing or broken, which its hash tells already."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
