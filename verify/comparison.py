"""Compares what is committed with what a rerun gave."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from gate.likeness import ENVIRONMENT, differences, environments, output_hashes
from gate.noise import read_noise
from gate.reading import metrics_files, read_metrics, read_number
from gate.revisions import Workspace

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


def compare(committed: Path, rerun: Path, revision: str = "HEAD") -> Certificate:
    """Compares two folders, each with `dvc.lock` and the files of Git.

    Args:
        committed: the results as committed, with the study that has measured the noise over seeds.
        rerun: the results of the rerun.
        revision: named in the certificate.

    Raises:
        CannotCompareError: a `dvc.lock` or `dvc.yaml` is broken.
    """
    sides = Workspace(committed, "the commit"), Workspace(rerun, "the rerun")
    noise = read_noise(*sides).deviations
    before, after = map(output_hashes, sides)
    outputs = {name: before.get(name) == after.get(name) for name in sorted(before | after)}
    numbers = tuple(
        _difference(f"{file}: {key}", *pair, noise.get(file, {}).get(key))
        for file in metrics_files(sides[0])
        for key, pair in differences(*(read_metrics(side, file).values for side in sides)).items()
    )
    files = [name for name in outputs if name.endswith(ENVIRONMENT)]
    found = differences(*(environments(side, files) for side in sides))
    # Both variants name the same properties. A file that is broken, without a name, tells nothing.
    names = {name: name.rpartition(": ")[2] for name in found}
    environment = {name: found[full] for full, name in names.items() if name}
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


def _difference(name: str, a: object, b: object, deviation: object) -> Number:
    committed, rerun, scale = read_number(a), read_number(b), read_number(deviation)
    if committed is None or rerun is None or scale is None or scale < 0:
        return Number(name, committed, rerun, None)
    apart = abs(committed - rerun)
    deviations = apart / (math.sqrt(2) * scale) if scale else math.inf
    return Number(name, committed, rerun, deviations)
