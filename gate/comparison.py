"""Judge each metric by its rule. Computes only: what it compares was read elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from gate.errors import format_number, shown
from gate.settings import Margin, Rule
from gate.snapshot import MISSING, Name, Snapshot, read_number

POWER_80 = 0.8416  # quantile of the normal distribution at 0.8


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
    """How much a metric differs if nothing but the seed does."""

    deviation: float  # standard deviation over the base's runs
    mean: float  # of the same runs
    runs: int  # how many; 1 if single values are compared, not the mean


@dataclass(frozen=True)
class Comparison:
    """One metric of both sides."""

    file: str
    key: str  # nested ones are joined by dots
    base: float | None  # None where there is no finite number
    candidate: float | None
    better: str | None = None
    margin: float | None = None  # how much worse is still no worse; None where not known
    blocks: bool = False  # whether being worse refuses the change
    verdict: Verdict = Verdict.NOT_GATED
    reason: str = ""  # of the verdict, in words
    base_runs: int = 1  # of how many runs over seeds `base` is the mean
    found_from: float | None = None  # the smallest loss refused in 80 % of cases, where known

    @property
    def change(self) -> float | None:
        """Candidate minus base."""
        if self.base is None or self.candidate is None:
            return None
        return self.candidate - self.base

    @property
    def loss(self) -> float:
        """How much worse the candidate is; negative if it is better."""
        return (self.change or 0.0) * (-1 if self.better == "higher" else 1)

    @property
    def refuses(self) -> bool:
        """Whether this keeps the change from passing.

        No number is a fault of the candidate even if the metric only informs.
        """
        bad = (Verdict.WORSE, Verdict.OUT_OF_LIMITS, Verdict.NOT_COMPARABLE)
        return self.verdict in bad and (self.blocks or self.candidate is None)

    @property
    def name(self) -> str:
        """File and key, as people read it."""
        return f"{self.file}: {self.key}" if self.key else self.file


def compare(
    rules: Mapping[Name, Rule],
    base: Snapshot,
    candidate: Snapshot,
    noise: Mapping[Name, Noise | str],
    *,
    first: bool = False,
) -> tuple[Comparison, ...]:
    """Return the comparison of each metric of both sides, those with a rule first.

    `noise` is for margins in standard deviations, or says why there is none; with `first`, a metric
    that the base does not have passes.
    """
    rest = sorted((base.values.keys() | candidate.values.keys()) - rules.keys())
    found = []
    for name in (*rules, *rest):
        (value, before), (number, after) = find_value(base, name), find_value(candidate, name)
        c = Comparison(*name, value, number)
        if rule := rules.get(name):
            c = replace(c, better=rule.better, blocks=rule.blocks)
            if number is None or (rule.better and value is None):
                c = _judge_missing(c, before, after, first or not rule.blocks)
            else:
                c = _judge_change(c, rule, noise.get(name))
            c = _check_limits(c, rule)
        found.append(c)
    return tuple(found)


def find_value(side: Snapshot, name: Name) -> tuple[float | None, str]:
    """Return a metric's number, or None and why there is none: nothing if it is just absent."""
    content = side.metrics.get(name[0], {})
    if isinstance(content, str):
        return None, content
    if name[1] not in content:
        return None, ""
    value = content[name[1]]
    number = read_number(value)
    return number, "" if number is not None else f"expected a finite number; found {shown(value)}"


def _judge_missing(c: Comparison, before: str, after: str, passes: bool) -> Comparison:
    said = [f"{side}: {why}" for side, why in (("candidate", after), ("base", before)) if why]
    reason = "; ".join(said) or "new: the base has none; write `blocks: false` until it has"
    absent = not before or before.startswith(MISSING)
    if c.candidate is None and not after:
        reason = "deleted: the candidate has none"
    new = c.candidate is not None and absent and passes
    return replace(c, verdict=Verdict.NEW if new else Verdict.NOT_COMPARABLE, reason=reason)


def _judge_change(c: Comparison, rule: Rule, noise: Noise | str | None) -> Comparison:
    if c.base is None or not (rule.better and rule.margin):
        return replace(c, verdict=Verdict.SAME, reason="within its limits")
    several = noise if "deviations" in rule.margin and isinstance(noise, Noise) else None
    runs, base, number = several.runs if several else 1, c.base, c.candidate or 0.0
    margin, reason = find_margin(rule.margin, base, noise, base_runs=runs)
    found_from, verdict = None, Verdict.NOT_COMPARABLE
    if margin is not None and isinstance(noise, Noise):
        found_from = margin + POWER_80 * noise.deviation * float(1 + 1 / runs) ** 0.5
    if number == base:
        verdict, reason, runs = Verdict.SAME, "unchanged", 1
    elif margin is not None:
        base = several.mean if several and runs > 1 else base
        verdict, text = judge(rule.better, base, number, margin)
        reason = f"{text} ({reason})"
    return replace(c, base=base, margin=margin, verdict=verdict, reason=reason, base_runs=runs,
                   found_from=found_from)  # fmt: skip


def _check_limits(c: Comparison, rule: Rule) -> Comparison:
    number, reason = c.candidate, ""
    if number is not None and rule.at_least is not None and number < rule.at_least:
        reason = f"{number:.6g}, below at_least {rule.at_least:.6g}"
    if number is not None and rule.at_most is not None and number > rule.at_most:
        reason = f"{number:.6g}, above at_most {rule.at_most:.6g}"
    return replace(c, verdict=Verdict.OUT_OF_LIMITS, reason=reason) if reason else c


def judge(better: str, base: float, candidate: float, margin: float) -> tuple[Verdict, str]:
    """Return the verdict on two finite numbers, and the reason.

    A difference of exactly the margin, which is 0 or more, is within it in both directions.
    """
    worse_by = base - candidate if better == "higher" else candidate - base
    direction = "worse" if worse_by > 0 else "better"
    size = f"{direction} by {format_number(abs(worse_by), digits=3)}"
    allowed = format_number(margin, digits=3)
    if abs(worse_by) <= margin:
        return Verdict.WITHIN_MARGIN, f"{size}, margin {allowed}"
    return Verdict(direction), f"{size}, more than the margin of {allowed}"


def find_margin(
    margin: Margin, base: float, noise: Noise | str | None, *, base_runs: int = 1, pairs: int = 1
) -> tuple[float | None, str]:
    """Return a margin in the metric's unit and its origin, or None and why there is none.

    A single run varies less from the mean of `base_runs` than from another run, so deviations are
    multiplied by sqrt((1 + 1/n) / 2). Standard errors are of two means over `pairs` seeds.
    """
    ((unit, allowed),) = margin.items()
    if unit == "absolute":
        return allowed, "absolute"
    if unit == "relative":
        return abs(base) * allowed, f"{allowed:.3g} of the base"
    if not isinstance(noise, Noise):
        missing = "expected runs over seeds; found none in gate.yaml; name their table in `runs`"
        return None, noise or f"{missing}, or give an absolute margin"
    size = noise.deviation
    if unit == "deviations":
        allowed *= float((1 + 1 / base_runs) / 2) ** 0.5
        unit_name = "standard deviations"
    else:
        size *= float(2 / pairs) ** 0.5
        unit_name = "standard errors"
    return allowed * size, f"{allowed:.3g} {unit_name} of {size:.3g} over the base's seeds"
