"""Compares what is committed with what a rerun gave."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from gate.repository import Repository, Wanted
from gate.runs import noise_of, read_runs
from gate.settings import SETTINGS, load_settings
from gate.snapshot import MetricsFile, Snapshot, differences, read_number

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


def read_and_compare(committed: Path, rerun: Path, revision: str) -> Certificate:
    """Compares two clones of one commit.

    Args:
        committed: with the results as committed, and the runs that have measured the noise.
        rerun: with the results of the rerun.
        revision: named in the certificate.

    Raises:
        CannotCompareError: DVC cannot read one of them, or gate.yaml is wrong.
    """
    before = Repository(committed)
    settings = load_settings(before.text(SETTINGS))
    wanted = Wanted([settings.runs.file] if settings.runs else [], settings.environment)
    repositories = ((before, "the commit"), (Repository(rerun), "the rerun"))
    a, b = (repository.read(None, name, wanted) for repository, name in repositories)
    runs = read_runs(settings.runs, a) if settings.runs else None
    return compare(a, b, noise_of(runs, None).deviations, revision)


def compare(
    before: Snapshot,
    after: Snapshot,
    deviations: Mapping[tuple[str, str], float],
    revision: str = "HEAD",
) -> Certificate:
    """Compares what is committed with a rerun.

    Args:
        before: the results as committed.
        after: the results of the rerun.
        deviations: by metric, over seeds.
        revision: named in the certificate.
    """
    names = sorted({*before.outputs, *after.outputs})
    outputs = {name: before.outputs.get(name) == after.outputs.get(name) for name in names}
    numbers = tuple(
        _difference(f"{file}: {key}", *pair, deviations.get((file, key)))
        for file, read in before.metrics.items()
        for key, pair in differences(
            read.values, after.metrics.get(file, MetricsFile()).values
        ).items()
    )
    found = differences(before.environment, after.environment)
    # Both variants name the same properties. A file that is broken, without a name, tells nothing.
    properties = {full: full.partition(": ")[2] for full in found}
    environment = {name: found[full] for full, name in properties.items() if name}
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


def _difference(name: str, a: object, b: object, deviation: float | None) -> Number:
    committed, rerun = read_number(a), read_number(b)
    if committed is None or rerun is None or deviation is None:
        return Number(name, committed, rerun, None)
    apart = abs(committed - rerun)
    return Number(
        name, committed, rerun, apart / (math.sqrt(2) * deviation) if deviation else math.inf
    )
