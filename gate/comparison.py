"""Judges each metric by its rule. Computes only: what it compares was read elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gate.errors import shown
from gate.settings import Margin, Rule, nearest
from gate.snapshot import MetricsFile, read_number

# File and key.
Name = tuple[str, str]
Files = Mapping[str, MetricsFile]


class Verdict(StrEnum):
    """What a metric did, from good to bad; then what is not judged."""

    BETTER = "better"
    SAME = "the same"
    WITHIN_MARGIN = "within the margin"
    WORSE = "worse"
    OUT_OF_LIMITS = "out of limits"
    NOT_COMPARABLE = "cannot be compared"
    NEW = "new"
    NOT_GATED = "not gated"


@dataclass(frozen=True)
class Noise:
    """How much metrics differ if nothing but the seed does.

    Attributes:
        deviations: by metric, the standard deviation over seeds.
        origin: where they come from, in words; empty if nothing has measured them.
        means: by metric, the mean of the base's runs and how many there are, for metrics whose
            single value of the candidate is to be compared with that.
    """

    deviations: Mapping[Name, float]
    origin: str = ""
    means: Mapping[Name, tuple[float, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """One metric of both sides.

    Attributes:
        file, key: which metric; nested keys are joined by dots.
        base, candidate: its values; None where there is no finite number.
        base_runs: how many runs over seeds `base` is the mean of; 1 if it is a single value.
        better: `higher` or `lower`; None for a metric without a direction.
        margin: how much worse is still no worse, in the metric's unit; None where not known.
        blocks: whether being worse refuses the change.
        verdict: see there.
        reason: the verdict's, in words.
        refuses: whether this keeps the change from passing.
    """

    file: str
    key: str
    base: float | None
    candidate: float | None
    better: str | None
    margin: float | None
    blocks: bool
    verdict: Verdict
    reason: str
    refuses: bool
    base_runs: int = 1

    @property
    def change(self) -> float | None:
        """Candidate minus base."""
        if self.base is None or self.candidate is None:
            return None
        return self.candidate - self.base

    @property
    def name(self) -> str:
        """File and key, as people read it."""
        return f"{self.file}: {self.key}" if self.key else self.file


def compare(
    rules: Mapping[Name, Rule], base: Files, candidate: Files, noise: Noise, *, first: bool = False
) -> tuple[Comparison, ...]:
    """All metrics of both sides, those with a rule first.

    Args:
        rules: by metric.
        base: by path, the metrics files of the base.
        candidate: those of the candidate.
        noise: for margins in standard deviations.
        first: whether a metric that the base does not have passes.

    Raises:
        CannotCompareError: a rule is for a metric that neither side has.
    """
    judged = [_judged(name, rule, base, candidate, noise, first) for name, rule in rules.items()]
    former = {former_name(name, rule) for name, rule in rules.items()}
    rest = sorted((names_of(base) | names_of(candidate)) - former - rules.keys())
    return (*judged, *(_not_gated(name, base, candidate) for name in rest))


def former_name(name: Name, rule: Rule) -> Name:
    """The name that the base has for a metric."""
    if rule.formerly is None:
        return name
    path, colon, key = rule.formerly.rpartition(":")
    return (path, key) if colon else (name[0], rule.formerly)


def names_of(files: Files) -> set[Name]:
    """Every metric that could be read."""
    return {(path, key) for path, file in files.items() for key in file.values}


@dataclass(frozen=True)
class _Found:
    """What one side has under a name: a number, or why there is none."""

    number: float | None = None
    problem: str = ""
    absent: bool = False  # the file can be read, or is not declared at all, and has no such key


def _find(files: Files, name: Name) -> _Found:
    file = files.get(name[0])
    if file is not None and file.problem:
        return _Found(problem=f"{name[0]}: {file.problem}")
    if file is None or name[1] not in file.values:
        return _Found(problem="missing", absent=True)
    number = read_number(file.values[name[1]])
    found = f"expected a finite number; found {shown(file.values[name[1]])}"
    return _Found(number, "" if number is not None else found)


def _judged(
    name: Name, rule: Rule, base: Files, candidate: Files, noise: Noise, first: bool
) -> Comparison:
    former = former_name(name, rule)
    before, after = _find(base, former), _find(candidate, name)
    if before.absent and after.absent:
        raise nearest(*name, names_of(base) | names_of(candidate))
    margin, value, runs = None, before.number, 1
    verdict, reason = Verdict.NOT_COMPARABLE, _why_not(name, former, base, candidate)
    if after.number is not None and rule.better is None:
        verdict, reason = Verdict.SAME, "within its limits"
    elif value is not None and after.number is not None and rule.better and rule.margin:
        if rule.margin.deviations is not None and after.number != value:
            value, runs = noise.means.get(name, (value, 1))
        deviation = noise.deviations.get(name)
        margin, reason = margin_of(rule.margin, value, deviation, noise.origin, base_runs=runs)
        if margin is not None or value == after.number:
            told = f" ({reason})" + f", compared with the mean of {runs} runs" * (runs > 1)
            verdict, reason = judge(rule.better, value, after.number, margin or 0.0)
            reason += told * (verdict is not Verdict.SAME)
    elif before.absent and after.number is not None and (first or not rule.blocks):
        verdict = Verdict.NEW
    if former != name:
        reason += f"; renamed from {': '.join(former)}"
    if after.number is not None and (beyond := _beyond(rule, after.number)):
        verdict, reason = Verdict.OUT_OF_LIMITS, beyond
    # A value that is missing or no number is a fault of the candidate even if it only informs.
    bad = verdict in (Verdict.WORSE, Verdict.OUT_OF_LIMITS, Verdict.NOT_COMPARABLE)
    refuses = (bad and rule.blocks) or (verdict is Verdict.NOT_COMPARABLE and after.number is None)
    return Comparison(
        *name, value, after.number, rule.better, margin, rule.blocks, verdict, reason,
        refuses, runs,
    )  # fmt: skip


def _beyond(rule: Rule, value: float) -> str:
    if rule.at_least is not None and value < rule.at_least:
        return f"{value:.6g}, below the limit: at_least {rule.at_least:.6g}"
    if rule.at_most is not None and value > rule.at_most:
        return f"{value:.6g}, above the limit: at_most {rule.at_most:.6g}"
    return ""


def judge(better: str, base: float, candidate: float, margin: float) -> tuple[Verdict, str]:
    """The verdict on two finite numbers, and the reason; the margin counts in both directions.

    Args:
        better: `higher` or `lower`.
        base: value of the base.
        candidate: value of the candidate; the worse it is, the worse the verdict, never better.
        margin: 0 or more; a difference of exactly that is within.
    """
    worse_by = base - candidate if better == "higher" else candidate - base
    if worse_by == 0:
        return Verdict.SAME, "unchanged"
    direction = "worse" if worse_by > 0 else "better"
    size = f"{direction} by {abs(worse_by):.3g}"
    if abs(worse_by) <= margin:
        return Verdict.WITHIN_MARGIN, f"{size}, margin {margin:.3g}"
    return Verdict(direction), f"{size}, more than the margin of {margin:.3g}"


def margin_of(
    margin: Margin,
    base: float | None,
    deviation: float | None,
    origin: str,
    *,
    pairs: int = 1,
    base_runs: int = 1,
) -> tuple[float | None, str]:
    """A margin in the metric's unit, and where it comes from; None and why there is none.

    Args:
        margin: as in gate.yaml.
        base: value of the base, for relative margins.
        deviation: standard deviation over seeds, None if no runs have measured it.
        origin: of the deviation, in words.
        pairs: how many seeds two means are over.
        base_runs: of how many runs a single candidate is compared with the mean. The difference
            then varies less than that of two runs, so deviations are multiplied by
            sqrt((1 + 1/n) / 2).
    """
    if margin.absolute is not None:
        return margin.absolute, "absolute"
    if margin.relative is not None:
        share = None if base is None else abs(base) * margin.relative
        return share, f"{margin.relative:.3g} of the base"
    if deviation is not None and margin.deviations is not None:
        allowed = float(margin.deviations * ((1 + 1 / base_runs) / 2) ** 0.5)
        text = f"{allowed:.3g} standard deviations of {deviation:.3g}, {origin}"
        return allowed * deviation, text
    if deviation is not None and margin.standard_errors is not None:
        error = float(deviation * (2 / pairs) ** 0.5)
        text = f"{margin.standard_errors:.3g} standard errors of {error:.3g}, {origin}"
        return margin.standard_errors * error, text
    if margin.without_runs is not None:
        return margin.without_runs, "absolute, without runs"
    return None, (
        "expected its standard deviation over seeds; found no runs in either revision; name their"
        " table in `runs` of gate.yaml, or give an absolute margin"
    )


def _why_not(name: Name, former: Name, base: Files, candidate: Files) -> str:
    before, after = _find(base, former), _find(candidate, name)
    if after.absent:
        return "deleted: the candidate has none"
    problems = [f"{side}: {v.problem}" for side, v in (("candidate", after), ("base", before))
                if v.problem and not v.absent]  # fmt: skip
    if before.absent and not problems:
        return (
            "new: the base has none; `formerly: NAME` if it had another name, else `blocks: false`"
            " until it has"
        )
    return "; ".join(problems)


def _not_gated(name: Name, base: Files, candidate: Files) -> Comparison:
    before, after = _find(base, name), _find(candidate, name)
    reason = "not in gate.yaml"
    if before.absent or after.absent:
        reason += "; new" if before.absent else "; deleted"
    elif before.problem or after.problem:
        reason += f"; {_why_not(name, name, base, candidate)}"
    return Comparison(
        *name, before.number, after.number, None, None, False, Verdict.NOT_GATED, reason, False
    )
