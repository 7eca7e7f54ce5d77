"""The gate's second look: results of several seeds on both sides, tested in pairs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from gate.comparison import Noise, margin_of
from gate.errors import CannotCompareError
from gate.revisions import Source
from gate.runs import RUNS, Runs, read_rows, runs_of
from gate.settings import Rule, SeedSettings

if TYPE_CHECKING:
    from gate.noninferiority import Result


class Finding(StrEnum):
    """What a test over seeds found."""

    NO_WORSE = "no worse"
    WORSE = "worse"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class SeedTest:
    """One metric over several seeds.

    Attributes:
        file, key: which metric.
        pairs: seeds that both sides have, as far as they are used.
        worse_by: mean over the pairs, positive where the candidate is worse; None without pairs.
        low, high: interval of `worse_by`; None without pairs.
        confidence: of the interval, 0 to 1; None without pairs.
        margin: how much worse is still no worse; None where not known.
        p: of "worse by the margin or more", corrected for the number of tests; None where that
            was not tested.
        power: how often a candidate as good as its base would be found no worse, 0 to 1.
        finding: see there.
        reason: in words.
        refuses: whether this keeps the change from passing.
    """

    file: str
    key: str
    pairs: int
    worse_by: float | None
    low: float | None
    high: float | None
    confidence: float | None
    margin: float | None
    p: float | None
    power: float | None
    finding: Finding
    reason: str
    refuses: bool


@dataclass(frozen=True)
class SeedTests:
    """All tests over seeds.

    Attributes:
        tests: of the metrics that ask for it and whose runs differ.
        notes: what was not tested and why, in words.
        problem: why nothing could be tested though it is asked for; None where all is well.
    """

    tests: tuple[SeedTest, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True)
class Question:
    """What is to be tested.

    Attributes:
        file, key, blocks: which metric, and whether its finding refuses the change.
        worse_by: by how much each pair's candidate is worse, in the order of the seeds.
        margin: how much worse is still no worse; None where not known.
        origin: of the margin, or why there is none, in words.
    """

    file: str
    key: str
    blocks: bool
    worse_by: tuple[float, ...]
    margin: float | None
    origin: str


def compare_seeds(
    settings: SeedSettings,
    rules: Mapping[str, Mapping[str, Rule]],
    base: Source,
    candidate: Source,
    noise: Noise,
) -> SeedTests:
    """Tests the metrics whose rule asks for it, where the runs of the two sides differ."""
    asked = {
        file: by_key
        for file, by_key in rules.items()
        if any(rule.over_seeds for rule in by_key.values())
    }
    if not asked:
        return SeedTests(notes=("gate.yaml asks for no test over seeds",))
    try:
        before, after = read_rows(base), read_rows(candidate)
        if before is None:
            return SeedTests(notes=(f"{RUNS}: the base has none, so nothing is tested over seeds",))
        if after is None:
            return SeedTests(problem=f"{RUNS}: deleted: the candidate has none; restore it")
        found = [
            item
            for file, by_key in asked.items()
            for item in _questions(
                file,
                by_key,
                runs_of(before, settings.rows[file], base.name),
                runs_of(after, settings.rows[file], candidate.name),
                noise,
            )
        ]
    except CannotCompareError as error:
        return SeedTests(problem=str(error))
    questions = [item for item in found if isinstance(item, Question)]
    notes = tuple(item for item in found if isinstance(item, str))
    return SeedTests(answer(questions, settings.level, settings.pairs), notes)


def _questions(
    file: str, rules: Mapping[str, Rule], before: Runs, after: Runs, noise: Noise
) -> Iterator[Question | str]:
    """A question for each metric, or why there is none."""
    if not before:
        yield f"{file}: the base has no such runs in {RUNS}, so nothing is tested over seeds"
        return
    seeds = sorted(before.keys() & after.keys())
    for key, rule in rules.items():
        if rule.over_seeds is None:
            continue
        pairs = [(before[s].get(key), after[s].get(key)) for s in seeds]
        values = [(a, b) for a, b in pairs if a is not None and b is not None]
        if values and len(values) == len(seeds) and all(a == b for a, b in values):
            yield f"{file}: {key}: the same on all {len(seeds)} seeds of both sides"
            continue
        sign = 1 if rule.better == "higher" else -1
        worse_by = tuple(sign * (a - b) for a, b in values)
        mean = sum(a for a, _ in values) / len(values) if values else None
        deviation = noise.deviations.get(file, {}).get(key)
        margin, origin = margin_of(rule.over_seeds, mean, deviation, noise.origin)
        if len(values) < len(seeds):
            margin, origin = None, f"expected numbers in {RUNS} for every seed; found others"
        yield Question(file, key, rule.blocks, worse_by, margin, origin)


def answer(questions: list[Question], level: float, least_pairs: int) -> tuple[SeedTest, ...]:
    """Tests all questions together, so that all errors together keep to the level.

    Both directions are tested: that the candidate is no worse by the margin, and that it is.
    Where neither is shown, the finding is inconclusive.
    """
    testable = [q for q in questions if q.margin is not None and len(q.worse_by) >= least_pairs]
    results: dict[Question, Result] = {}
    if testable:
        from gate.noninferiority import assess  # NumPy and SciPy: seconds, seldom needed

        samples = [(question.worse_by, question.margin or 0.0) for question in testable]
        results = dict(zip(testable, assess(samples, level), strict=True))
    return tuple(_judge(q, results.get(q), level, least_pairs) for q in questions)


def _judge(question: Question, result: "Result | None", level: float, least: int) -> SeedTest:
    finding = Finding.INCONCLUSIVE
    if result is None:
        pairs = len(question.worse_by)
        mean = sum(question.worse_by) / pairs if pairs else None
        reason = f"expected {least} seeds or more on both sides; found {pairs}"
        reason = question.origin if question.margin is None else reason
        low = high = confidence = p = power = None
    else:
        pairs, mean, low, high = result.pairs, result.worse_by, result.low, result.high
        confidence, p, power = result.confidence, result.p_no_worse, result.power
        if p <= level:
            finding, reason = Finding.NO_WORSE, f"by less than the margin: {question.origin}"
        elif result.p_worse <= level:
            finding, reason = Finding.WORSE, f"by more than the margin: {question.origin}"
        elif result.smallest_p > level:
            reason = (
                f"{pairs} seeds cannot tell: the smallest p-value of {pairs} pairs, corrected for"
                f" all tests, is {result.smallest_p:.2g}, above {level:.2g}"
            )
        else:
            reason = "neither is shown; more seeds would tell"
    refuses = question.blocks and finding is not Finding.NO_WORSE
    return SeedTest(
        question.file, question.key, pairs, mean, low, high, confidence, question.margin, p, power,
        finding, reason, refuses,
    )  # fmt: skip
