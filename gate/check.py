"""The whole gate: reads both sides, compares, and says what follows."""

from dataclasses import dataclass
from pathlib import Path

from gate.base import Base, choose_base
from gate.comparison import Comparison, Verdict, compare
from gate.likeness import Differences, find_differences
from gate.noise import read_noise
from gate.reading import metrics_files, read_metrics
from gate.revisions import Workspace
from gate.seeds import Finding, SeedTest, SeedTests, compare_seeds
from gate.settings import load_settings

NO_WORSE, REGRESSION, NOT_COMPARABLE = 0, 1, 2

VERDICTS = {
    NO_WORSE: "no worse than the base",
    REGRESSION: "regression",
    NOT_COMPARABLE: "cannot be compared",
}


@dataclass(frozen=True)
class Check:
    """What the gate found.

    Attributes:
        base: the revision, and how it was chosen.
        comparisons: every metric, gated ones first.
        differences: what differs beside the metrics.
        seeds: the tests over several seeds.
        status: a key of `VERDICTS`, and the status that the gate ends with.
        reasons: for the status, in words; one or more.
        notes: what else a reader should know, in words.
    """

    base: Base
    comparisons: tuple[Comparison, ...]
    differences: Differences
    seeds: SeedTests
    status: int
    reasons: tuple[str, ...]
    notes: tuple[str, ...]


def check(folder: Path, base: str | None = None) -> Check:
    """Compares the workspace with a revision.

    Args:
        folder: of dvc.yaml, in a clone.
        base: a branch, tag or hash; None to choose.

    Raises:
        CannotCompareError: there is no such revision, or what is needed is missing or broken.
    """
    candidate = Workspace(folder)
    settings = load_settings(candidate)
    files = metrics_files(candidate)
    chosen = choose_base(folder, base, files)
    before = chosen.revision
    noise = read_noise(before, candidate)
    comparisons = compare(
        settings.metrics,
        {path: read_metrics(before, path) for path in metrics_files(before)},
        {path: read_metrics(candidate, path) for path in files},
        noise,
    )
    differences = find_differences(before, candidate)
    seeds = compare_seeds(settings.seeds, settings.metrics, before, candidate, noise)
    status, reasons = _decide(comparisons, seeds, differences, settings.stale_results == "refuse")
    notes = _notes(differences)
    return Check(chosen, comparisons, differences, seeds, status, reasons, notes)


def _decide(
    comparisons: tuple[Comparison, ...],
    seeds: SeedTests,
    differences: Differences,
    stale_refused: bool,
) -> tuple[int, tuple[str, ...]]:
    """A regression that is seen is one, whatever else could not be compared."""
    refused = [c for c in comparisons if c.refuses]
    tests = [t for t in seeds.tests if t.refuses]
    worse = [_text(c) for c in refused if c.verdict is Verdict.WORSE]
    worse += [_test_text(t) for t in tests if t.finding is Finding.WORSE]
    unclear = [_text(c) for c in refused if c.verdict is not Verdict.WORSE]
    unclear += [_test_text(t) for t in tests if t.finding is not Finding.WORSE]
    unclear += [seeds.problem] if seeds.problem else []
    if stale_refused and differences.stale:
        names = ", ".join(differences.stale)
        unclear.append(
            f"expected results of the parameters and code beside them; found other {names};"
            " run `dvc repro`"
        )
    if worse:
        return REGRESSION, (*worse, *unclear)
    if unclear:
        return NOT_COMPARABLE, tuple(unclear)
    blocking = sum(c.blocks for c in comparisons)
    return NO_WORSE, (f"none of {blocking} blocking metrics is worse by more than its margin",)


def _text(comparison: Comparison) -> str:
    return f"{comparison.file}: {comparison.key}: {comparison.reason}"


def _test_text(test: SeedTest) -> str:
    return f"{test.file}: {test.key}, over {test.pairs} seeds: {test.finding}: {test.reason}"


def _notes(differences: Differences) -> tuple[str, ...]:
    """What a reader should know beside the verdicts."""
    d, notes = differences, []
    kinds = {
        "parameters": d.parameters,
        "data": d.data,
        "code": d.code,
        "environment": d.environment,
    }
    other = [kind for kind, pairs in kinds.items() if pairs]
    if other:
        notes.append(f"not like with like: {', '.join(other)} differ")
    if d.not_reproduced:
        names = sorted({*d.outputs, *d.edited})
        notes.append(f"not reproduced: nothing differs but the bytes of {', '.join(names)}")
    if d.gate:
        notes.append("the gate itself is another: gate.yaml differs from the base's")
    if d.edited:
        notes.append(f"not what dvc.lock has: {', '.join(d.edited)}; changed by hand?")
    if d.stale:
        notes.append(f"results of other parameters or code than those here: {', '.join(d.stale)}")
    notes += d.unknown
    return tuple(notes)
