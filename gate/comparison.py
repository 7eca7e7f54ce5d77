"""Judges each metric by its rule. Computes only: what it compares was read elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gate.names import Name, find, nearest, parse_name, renamed
from gate.reading import MetricsFile, read_number
from gate.settings import Margin, Rule


class Verdict(StrEnum):
    """What a metric did, from good to bad; then what is not judged."""

    BETTER = "better"
    SAME = "the same"
    WITHIN_MARGIN = "within the margin"
    WORSE = "worse"
    NOT_COMPARABLE = "cannot be compared"
    NOT_GATED = "not gated"


@dataclass(frozen=True)
class Noise:
    """How much metrics differ when nothing but the seed does.

    Attributes:
        deviations: by metrics file, by key: standard deviation over seeds, as it was found.
        origin: where they come from, in words; empty where no study has measured them.
    """

    deviations: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    origin: str = ""


@dataclass(frozen=True)
class Comparison:
    """One metric of both sides.

    Attributes:
        file, key: which metric; nested keys are joined by dots.
        base, candidate: its values; None where there is no finite number.
        better: `higher` or `lower`; None for a metric that is not gated.
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

    @property
    def change(self) -> float | None:
        """Candidate minus base."""
        if self.base is None or self.candidate is None:
            return None
        return self.candidate - self.base


Files = Mapping[str, MetricsFile]


def compare(
    rules: Mapping[str, Mapping[str, Rule]], base: Files, candidate: Files, noise: Noise
) -> tuple[Comparison, ...]:
    """All metrics of both sides, gated ones first, in the order of the rules.

    Args:
        rules: by metrics file, by key.
        base: by path, the metrics files of the base.
        candidate: those of the candidate.
        noise: for margins in standard deviations.

    Raises:
        CannotCompareError: a rule is for a metric that neither side has.
    """
    gated = []
    compared: set[Name] = set()
    for file, by_key in rules.items():
        for key, rule in by_key.items():
            name = (file, key)
            former = parse_name(rule.formerly, file) if rule.formerly else name
            compared |= {name, former}
            gated.append(_gated(name, former, rule, base, candidate, noise))
    rest = sorted((_names(base) | _names(candidate)) - compared)
    return (*gated, *(_not_gated(name, base, candidate) for name in rest))


def _gated(
    name: Name, former: Name, rule: Rule, base: Files, candidate: Files, noise: Noise
) -> Comparison:
    before, after = find(base, former), find(candidate, name)
    if before.absent and after.absent:
        raise nearest(name, _names(base) | _names(candidate))
    deviation = noise.deviations.get(name[0], {}).get(name[1])
    margin, origin = margin_of(rule.margin, before.number, deviation, noise.origin)
    missing = _why_not_comparable(name, former, base, candidate)
    if missing or before.number is None or after.number is None:
        verdict, reason = Verdict.NOT_COMPARABLE, missing
    elif margin is None:
        verdict, reason = Verdict.NOT_COMPARABLE, origin
    else:
        verdict, reason = judge(rule.better, before.number, after.number, margin)
        if verdict in (Verdict.WORSE, Verdict.WITHIN_MARGIN):
            reason += f" ({origin})"
    if former != name:
        reason += f"; renamed from {': '.join(former)}"
    # A value that is missing or no number is a fault of the candidate even where it only informs.
    broken = verdict is Verdict.NOT_COMPARABLE and (rule.blocks or after.number is None)
    refuses = broken or (rule.blocks and verdict is Verdict.WORSE)
    return Comparison(
        *name, before.number, after.number, rule.better, margin, rule.blocks, verdict, reason,
        refuses,
    )  # fmt: skip


def judge(better: str, base: float, candidate: float, margin: float) -> tuple[Verdict, str]:
    """The verdict on two finite numbers, and the reason.

    Args:
        better: `higher` or `lower`.
        base: value of the base.
        candidate: value of the candidate; the worse it is, the worse the verdict, never better.
        margin: 0 or more; worse by exactly that is within.
    """
    worse_by = base - candidate if better == "higher" else candidate - base
    if worse_by > margin:
        return Verdict.WORSE, f"worse by {worse_by:.3g}, more than the margin of {margin:.3g}"
    if worse_by > 0:
        return Verdict.WITHIN_MARGIN, f"worse by {worse_by:.3g}, margin {margin:.3g}"
    if worse_by == 0:
        return Verdict.SAME, "unchanged"
    return Verdict.BETTER, f"better by {-worse_by:.3g}"


def margin_of(
    margin: Margin, base: float | None, deviation: object, origin: str
) -> tuple[float | None, str]:
    """A margin in the metric's unit, and where it comes from; None and why there is none.

    Args:
        margin: as in gate.yaml.
        base: value of the base, for relative margins.
        deviation: standard deviation over seeds, None where the study has not measured it.
        origin: of the deviation, in words.
    """
    if margin.absolute is not None:
        return margin.absolute, "absolute"
    if margin.relative is not None:
        share = None if base is None else abs(base) * margin.relative
        return share, f"{margin.relative:.3g} of the base"
    measured = read_number(deviation)
    if measured is not None and measured >= 0 and margin.deviations is not None:
        text = f"{margin.deviations:.3g} standard deviations of {measured:.3g}, {origin}"
        return margin.deviations * measured, text
    if margin.without_study is not None and deviation is None:
        return margin.without_study, "absolute, as the study has not measured the noise"
    return None, (
        "expected its standard deviation over seeds in metrics/study.json;"
        f" found {'none' if deviation is None else repr(deviation)}; run the study, or give an"
        " absolute margin"
    )


def _why_not_comparable(name: Name, former: Name, base: Files, candidate: Files) -> str:
    before, after = find(base, former), find(candidate, name)
    if after.absent:
        new = renamed(name, before, candidate, _names(candidate) - _names(base))
        hint = f"; it may now be {': '.join(new)}: name that in gate.yaml" if new else ""
        return f"deleted: the candidate has none{hint}"
    if before.absent:
        old = renamed(name, after, base, _names(base) - _names(candidate))
        hint = f"; if it was {': '.join(old)}, say so: `formerly: {':'.join(old)}`" if old else ""
        return f"new: the base has none; `blocks: false` until it has{hint}"
    problems = [f"{side}: {v.problem}" for side, v in (("candidate", after), ("base", before))]
    return "; ".join(problem for problem in problems if not problem.endswith(": None"))


def _not_gated(name: Name, base: Files, candidate: Files) -> Comparison:
    before, after = find(base, name), find(candidate, name)
    reason = "not in gate.yaml"
    if before.absent or after.absent:
        reason += "; new" if before.absent else "; deleted"
    elif before.problem or after.problem:
        reason += f"; {_why_not_comparable(name, name, base, candidate)}"
    return Comparison(
        *name, before.number, after.number, None, None, False, Verdict.NOT_GATED, reason, False
    )


def _names(files: Files) -> set[Name]:
    return {(path, key) for path, file in files.items() for key in file.values}
