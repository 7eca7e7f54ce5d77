"""The whole gate: reads each side once, compares, and says what follows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from gate.base import Base, choose_base, find_anchor
from gate.comparison import Comparison, Name, Noise, Verdict, compare, former_name, names_of
from gate.errors import CannotCompareError
from gate.repository import Repository, Wanted
from gate.runs import (
    Finding,
    RunsTest,
    compare_runs,
    means_of,
    noise_of,
    other_conditions,
    read_runs,
)
from gate.settings import SETTINGS, Rule, Settings, load_settings
from gate.snapshot import Pairs, Snapshot, differences

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
        anchor: the anchor's name and commit; None if gate.yaml has none.
        comparisons: every metric, those with a rule first.
        drift: by metric, the comparison with the anchor.
        differences: by kind, what else differs.
        runs: the tests over several seeds.
        status: a key of `VERDICTS`, and the status that the gate ends with.
        reasons: for the status, in words; one or more.
        notes: what else a reader should know, in words.
        before, after: the two sides.
    """

    base: Base
    anchor: Base | None
    comparisons: tuple[Comparison, ...]
    drift: Mapping[Name, Comparison]
    differences: Mapping[str, Pairs]
    runs: tuple[RunsTest, ...]
    status: int
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    before: Snapshot
    after: Snapshot


def check(folder: Path, base: str | None = None) -> Check:
    """Compares the workspace with a revision.

    Args:
        folder: in a repository of Git and DVC.
        base: a branch, tag or hash; None to choose.

    Raises:
        CannotCompareError: there is no such revision, or what is needed is missing or broken.
    """
    repository = Repository(folder)
    settings = load_settings(repository.text(SETTINGS))
    more = Wanted(settings.files(), settings.environment, list(settings.metrics))
    after = repository.read(None, "workspace", more)
    if not after.metrics:
        raise CannotCompareError("dvc.yaml: expected metrics files; found none; declare them")
    chosen = choose_base(repository.folder, base, list(after.metrics))
    before = repository.read(chosen.commit, chosen.name, more)
    anchor = _anchor(repository.folder, settings, before, after)
    old = None
    if anchor:
        same = anchor.commit == before.commit
        old = before if same else repository.read(anchor.commit, anchor.name)
    return _compare(settings, chosen, anchor, before, after, old)


def _anchor(folder: Path, settings: Settings, before: Snapshot, after: Snapshot) -> Base | None:
    """The base's anchor, so that no change moves its own; that of a change of nothing else counts.

    Raises:
        CannotCompareError: Git does not have it.
    """
    kept = (before.settings or {}).get("anchor")
    moved_alone = (before.metrics, before.outputs, before.inputs, before.parameters) == (
        after.metrics, after.outputs, after.inputs, after.parameters
    )  # fmt: skip
    name = settings.anchor if moved_alone or kept is None else str(kept)
    return find_anchor(folder, name) if name else None


def _compare(
    settings: Settings,
    base: Base,
    anchor: Base | None,
    before: Snapshot,
    after: Snapshot,
    old: Snapshot | None,
) -> Check:
    for path, file in after.metrics.items():
        other = before.metrics.get(path)
        judged = any(fnmatchcase(path, pattern) for pattern in settings.metrics)
        if judged and file.problem and not (other and other.values):
            raise CannotCompareError(f"{path}: {file.problem}")
    rules = settings.rules(names_of(before.metrics) | names_of(after.metrics))
    former = {former_name(name, rule) for name, rule in rules.items()}
    first = settings.first_run == "pass" and not former & names_of(before.metrics)
    noise, runs, problems = _runs(settings, rules, before, after)
    comparisons = compare(rules, before.metrics, after.metrics, noise, first=first)
    found = _differences(before, after)
    problems += [f"{name} differs: {a} -> {b}; results of other data cannot be compared"
                 for name, a, b in _not_same(settings.same, before, after)]  # fmt: skip
    if after.stale and settings.stale_results == "refuse":
        problems.append(
            f"results that do not belong to the files beside them: {_listed(after.stale)};"
            " run `dvc repro`"
        )
    drift: dict[Name, Comparison] = {}
    if old is not None and anchor is not None:
        # Its runs are not read, so that single values are compared.
        drift = _drift(rules, old, after, replace(noise, means={}))
        problems += [
            f"{name} is not that of the anchor {anchor.name}: {a} -> {b}; move `anchor` in"
            f" {SETTINGS} with a change of that file only"
            for name, a, b in _not_same(settings.same, old, after)
            if b is not None
        ]
    status, reasons = _decide(comparisons, drift, anchor, runs, problems)
    notes = (*_means(comparisons), *_notes(settings, before, after, found))
    return Check(
        base, anchor, comparisons, drift, found, runs, status, reasons, notes, before, after
    )


def _runs(
    settings: Settings, rules: Mapping[Name, Rule], before: Snapshot, after: Snapshot
) -> tuple[Noise, tuple[RunsTest, ...], list[str]]:
    """The noise over seeds, the tests over seeds, and what kept them from being made."""
    if settings.runs is None:
        return Noise({}), (), []
    try:
        base = read_runs(settings.runs, before, older=True)
        candidate = read_runs(settings.runs, after)
        noise = noise_of(base, candidate)
        if base is None:
            return noise, (), []
        if candidate is None:
            file = settings.runs.file
            return noise, (), [f"{file}: deleted: the candidate has none; restore it"]
        tests = compare_runs(settings.runs, rules, base, candidate, noise)
        means = means_of(settings.runs, base, candidate, before)
        return replace(noise, means=means), tests, []
    except CannotCompareError as error:
        return Noise({}), (), [str(error)]


def _differences(before: Snapshot, after: Snapshot) -> dict[str, Pairs]:
    """What else differs. Parameters are compared one by one, not as a file."""
    files = {name.partition(": ")[0] for side in (before, after) for name in side.parameters}
    inputs = [{p: h for p, h in s.inputs.items() if p not in files} for s in (before, after)]
    gate = {} if before.settings is None else differences(before.settings, after.settings or {})
    return {
        "parameters": differences(before.parameters, after.parameters),
        "inputs": differences(*inputs),
        "environment": differences(before.environment, after.environment),
        "outputs": differences(before.outputs, after.outputs),
        "gate": {SETTINGS: (None, "new")} if before.settings is None else gate,
    }


def _not_same(
    patterns: Sequence[str], before: Snapshot, after: Snapshot
) -> Iterator[tuple[str, object, object]]:
    """What must be the same and is not; what the base does not know cannot be told."""
    a, b = ({**s.outputs, **s.inputs, **s.parameters} for s in (before, after))
    known = (name for name, value in sorted(a.items()) if value not in (None, b.get(name)))
    for name in known:
        if any(fnmatchcase(name, pattern) for pattern in patterns):
            yield name, _start(a[name]), _start(b.get(name))


def _start(value: object) -> str | None:
    return None if value is None else str(value)[:12]  # of a hash, enough to tell it


def _drift(
    rules: Mapping[Name, Rule], old: Snapshot, after: Snapshot, noise: Noise
) -> dict[Name, Comparison]:
    """Metrics that block, compared with the anchor; those that it does not have are left out."""
    known = names_of(old.metrics)
    kept = {
        name: rule
        for name, rule in rules.items()
        if rule.blocks and rule.better and former_name(name, rule) in known
    }
    found = compare(kept, old.metrics, after.metrics, noise)
    return {(c.file, c.key): c for c in found if (c.file, c.key) in kept}


def _decide(
    comparisons: Iterable[Comparison],
    drift: Mapping[Name, Comparison],
    anchor: Base | None,
    runs: Iterable[RunsTest],
    problems: Iterable[str],
) -> tuple[int, tuple[str, ...]]:
    """A regression that is seen is one, whatever else could not be compared."""
    comparisons = list(comparisons)
    bad = (Verdict.WORSE, Verdict.OUT_OF_LIMITS)
    worse = [f"{c.name}: {c.reason}" for c in comparisons if c.refuses and c.verdict in bad]
    worse += [
        f"{c.name}: against the anchor {anchor.name if anchor else ''}: {c.reason}"
        for c in drift.values()
        if c.verdict is Verdict.WORSE
    ]
    tests = [test for test in runs if test.refuses]
    worse += [_test(test) for test in tests if test.finding is Finding.WORSE]
    unclear = list(_grouped([c for c in comparisons if c.refuses and c.verdict not in bad]))
    unclear += [_test(test) for test in tests if test.finding is not Finding.WORSE]
    unclear += problems
    if worse:
        return REGRESSION, (*worse, *unclear)
    if unclear:
        return NOT_COMPARABLE, tuple(unclear)
    blocking = sum(c.blocks for c in comparisons)
    return NO_WORSE, (f"none of {blocking} blocking metrics is worse by more than its margin",)


def _grouped(comparisons: Iterable[Comparison]) -> Iterator[str]:
    """One line for all metrics of a file that have the same reason."""
    keys: dict[tuple[str, str], list[str]] = {}
    for c in comparisons:
        keys.setdefault((c.file, c.reason), []).append(c.key)
    for (file, reason), names in keys.items():
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        yield f"{file}: {shown}: {reason}"


def _means(comparisons: Iterable[Comparison]) -> Iterator[str]:
    """Which values of the base are means."""
    for file, runs in sorted({(c.file, c.base_runs) for c in comparisons if c.base_runs > 1}):
        yield f"{file}: the base's values are the means of its {runs} runs over seeds"


def _test(test: RunsTest) -> str:
    return f"{test.file}: {test.key}, over {test.pairs} seeds: {test.finding}: {test.reason}"


def _listed(stale: Mapping[str, str]) -> str:
    return "; ".join(f"{stage}: {why}" for stage, why in stale.items())


def _notes(
    settings: Settings, before: Snapshot, after: Snapshot, found: Mapping[str, Pairs]
) -> Iterator[str]:
    """What a reader should know beside the verdicts."""
    inputs = ("parameters", "inputs", "environment")
    other = [kind for kind in inputs if found[kind]]
    if found["outputs"] and not other and not after.stale and before.outputs:
        yield f"not reproduced: nothing differs but the bytes of {', '.join(found['outputs'])}"
    if found["gate"]:
        yield f"the gate itself is another: {SETTINGS} differs from the base's"
    if after.stale and settings.stale_results == "inform":
        yield f"results that do not belong to the files beside them: {_listed(after.stale)}"
    if before.stale:
        yield f"the base's own results do not belong to its files: {', '.join(before.stale)}"
    if settings.runs:
        for side, snapshot in (("base", before), ("candidate", after)):
            yield from other_conditions(settings.runs, snapshot, side)
