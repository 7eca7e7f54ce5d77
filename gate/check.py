"""The whole gate: read each side once, compare by the base's rules, and say what follows."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from gate.base import Base, choose_base, find_anchor
from gate.changes import join_some, list_pipeline_changes, list_rule_changes
from gate.comparison import Comparison, Noise, Verdict, compare, find_value
from gate.errors import CannotCompareError, one_line
from gate.git import list_changes, read_committed
from gate.repository import Repository
from gate.runs import check_runs, compare_means, measure_noise, read_rows, select_runs
from gate.settings import SETTINGS, Rule, Settings, load_settings, no_such
from gate.snapshot import Name, Pairs, Snapshot, differences

NO_WORSE, REGRESSION, NOT_COMPARABLE = 0, 1, 2

STALE = "results that do not belong to the files beside them"


@dataclass(frozen=True)
class Check:
    """What the gate found."""

    base: Base
    anchor: Base | None
    comparisons: tuple[Comparison, ...]  # every metric, those with a rule first; means over seeds
    drift: Mapping[Name, Comparison]  # with the anchor
    differences: Mapping[str, Pairs]  # by kind, what else differs
    status: int
    reasons: tuple[str, ...]  # for the status; none for 0
    changes: tuple[str, ...]  # of the pipeline's definition, and rules that get looser
    notes: tuple[str, ...]
    settings: Settings  # the base's, where it has any
    before: Snapshot
    after: Snapshot


def check(folder: Path, base: str | None = None) -> Check:
    """Compare the workspace with a revision, by that revision's rules."""
    return _Judge(Repository(folder), base).judge()


class _Judge:
    """Collects what speaks against a change."""

    def __init__(self, repository: Repository, base: str | None) -> None:
        self.problems: list[str] = []
        self.changes: list[str] = []
        self.notes: list[str] = []
        self.repository, self.folder = repository, repository.folder
        files = repository.list_metrics_files()
        if not files:
            raise CannotCompareError("dvc.yaml: expected metrics files; found none; declare them")
        self.base = choose_base(self.folder, base, files)
        self.own = self._read_own_settings()  # the workspace's
        self.settings = self._read_settings()  # those that judge
        self.after = self._read(None, "workspace")
        self.before = self._read(self.base.commit, self.base.name)
        for path, file in self.after.metrics.items():
            judged = any(fnmatchcase(path, pattern) for pattern in self.settings.metrics)
            there = self.before.metrics.get(path)
            if judged and file.problem and not (there and there.values):
                raise CannotCompareError(f"{path}: {file.problem}")
        self.names = self.before.names | self.after.names
        self.rules = self._check_names(self.settings)

    def judge(self) -> Check:
        noise, means = self._compare_means()
        comparisons = compare(
            self.rules, self.before, self.after, noise, first=self._passes_first()
        )
        self._check_conditions(self.before, "")
        self._find_changes()
        anchor, drift = self._compare_with_anchor(noise)
        found = self._find_differences()
        self._add_notes(found)
        together = (*means, *comparisons)
        status, reasons = self._decide(together, drift.values(), anchor)
        return Check(
            self.base, anchor, together, drift, found, status, tuple(reasons), tuple(self.changes),
            tuple(self.notes), self.settings, self.before, self.after,
        )  # fmt: skip

    def _read_own_settings(self) -> Settings | CannotCompareError:
        path = self.folder / SETTINGS
        try:
            return load_settings(path.read_text("utf-8-sig") if path.exists() else None)
        except CannotCompareError as error:
            return error
        except (OSError, UnicodeDecodeError) as error:
            return CannotCompareError(f"{SETTINGS}: expected text in UTF-8; {one_line(error)}")

    def _read_settings(self) -> Settings:
        """Return the base's settings; the workspace's where it has none that can be read."""
        text = read_committed(self.folder, self.base.commit, SETTINGS)
        try:
            settings = load_settings(text)
        except CannotCompareError as error:
            if isinstance(self.own, CannotCompareError):
                raise self.own from None
            why = "has no gate.yaml" if text is None else f"has none that can be used ({error})"
            self.changes.append(
                f"judged by the workspace's own rules: {self.base.name} {why};"
                " commit them, and they judge the next change"
            )
            return self.own
        if isinstance(self.own, CannotCompareError):
            self.problems.append(f"workspace: {self.own}")
        return settings

    def _read(self, commit: str | None, name: str) -> Snapshot:
        both = [s for s in (self.settings, self.own) if isinstance(s, Settings)]
        return self.repository.read(
            commit,
            name,
            judged=list(self.settings.metrics),
            files=list(dict.fromkeys(file for each in both for file in each.list_files())),
            environment=[pattern for each in both for pattern in each.environment],
        )

    def _check_names(self, settings: Settings) -> dict[Name, Rule]:
        """Return the rules of all metrics, after every name in the settings was looked up."""
        rules = settings.merge_rules(self.names)
        sides = (self.before, self.after)
        paths = {path for side in sides for path in (*side.inputs, *side.outputs)}
        known = {name for side in sides for name in side.known}
        files = {name for side in sides for name in side.metrics}
        for where, patterns, names, what in (
            ("same", settings.same, known, "file or parameter of the pipeline"),
            ("environment", settings.environment, paths, "file that a stage reads or writes"),
            ("predictions", settings.predictions, files, "metrics file"),
        ):
            for pattern in patterns:
                if not any(fnmatchcase(name, pattern) for name in names):
                    raise no_such(where, pattern, names, what)
        for path in settings.predictions.values():
            if all(side.files.get(path) is None for side in sides):
                raise no_such("predictions", path, paths, "file of either side")
        return rules

    def _passes_first(self) -> bool:
        """Return whether metrics that the base does not have pass.

        They do where `first_run` says so and it has none, and where the rules are as new as they.
        """
        if not self.rules.keys() & self.before.names:
            return self.settings.first_run == "pass"
        return self.settings is self.own

    def _compare_means(self) -> tuple[dict[Name, Noise | str], list[Comparison]]:
        """Return the noise over seeds of each metric, and the comparisons over seeds."""
        runs, before = self.settings.runs, self.before
        if runs is None:
            return {}, []
        if self.settings is self.own and before.files.get(runs.file) is None:
            before = replace(before, files=self.after.files)  # as new as the rules
        rows = read_rows(runs, before)
        check_runs(runs, rows, before)
        base = {file: select_runs(runs, rows, file, before) for file in runs.of}
        noise = {
            name: measure_noise(base[name[0]], name[1], runs.file)
            for name in self.rules
            if name[0] in base
        }
        try:
            others = read_rows(runs, self.after)
            candidate = {file: select_runs(runs, others, file, self.after) for file in runs.of}
        except CannotCompareError as error:
            self.problems.append(str(error))
            return noise, []
        return noise, compare_means(runs, self.rules, base, candidate, noise)

    def _check_conditions(self, old: Snapshot, where: str) -> None:
        """Add the entries of `same` that differ; what the other side does not know is skipped."""
        a, b = old.known, self.after.known
        for name in sorted(name for name, value in a.items() if value not in (None, b.get(name))):
            if any(fnmatchcase(name, pattern) for pattern in self.settings.same):
                values = f"{_shorten(a[name])} -> {_shorten(b.get(name))}"
                self.problems.append(
                    f"{name} differs{where}: {values}; results of other data cannot be compared"
                )

    def _find_changes(self) -> None:
        """Add what keeps results from being made again, and how the rules change."""
        if self.after.stale:
            listed = "; ".join(f"{stage}: {why}" for stage, why in self.after.stale.items())
            refuse = self.settings.stale_results == "refuse"
            (self.problems if refuse else self.notes).append(f"{STALE}: {listed}; run `dvc repro`")
        files = sorted({name[0] for name, rule in self.rules.items() if rule.blocks})
        changed = list_changes(self.folder, self.base.commit)
        notes, problems = list_pipeline_changes(
            self.before, self.after, files, changed, self.repository.is_ignored
        )
        start = "the pipeline's definition changed: "
        self.changes += [start + text for text in notes]
        self.problems += [start + text for text in problems]
        if isinstance(self.own, Settings) and self.own != self.settings:
            try:
                self._check_names(self.own)
                if self.own.anchor:
                    find_anchor(self.folder, self.own.anchor)
                looser, rest = list_rule_changes(self.settings, self.own, self.names)
            except CannotCompareError as error:
                self.problems.append(f"workspace: {error}")
            else:
                self.changes += looser
                self.notes += rest

    def _compare_with_anchor(
        self, noise: Mapping[Name, Noise | str]
    ) -> tuple[Base | None, dict[Name, Comparison]]:
        """Compare the metrics that block with the base's anchor.

        A change cannot move its own anchor unless it changes no result.
        """
        before, after, name = self.before, self.after, self.settings.anchor
        same = (before.metrics, before.outputs, before.inputs, before.parameters) == (
            after.metrics, after.outputs, after.inputs, after.parameters
        )  # fmt: skip
        if isinstance(self.own, Settings) and self.own.anchor and (same or not name):
            name = self.own.anchor
        if not name:
            return None, {}
        anchor = find_anchor(self.folder, name)
        old = self.before
        if anchor.commit != old.commit:
            old = self.repository.read(anchor.commit, name)
        where = f"against the anchor {name}"
        judged = {name: rule for name, rule in self.rules.items() if rule.blocks and rule.better}
        newer = [name for name in judged if find_value(old, name) == (None, "")]
        kept = {name: rule for name, rule in judged.items() if name not in newer}
        # Single values are compared: the anchor's runs are not read.
        single = {n: replace(v, runs=1) if isinstance(v, Noise) else v for n, v in noise.items()}
        found = compare(kept, old, after, single)[: len(kept)]
        for c in found:
            if c.verdict is Verdict.NOT_COMPARABLE and c.candidate is not None:
                self.problems.append(f"{c.name}: {where}: {c.reason}")
        if judged and not kept:
            self.problems.append(f"{where}: it has no metric that blocks; move it (`accept`)")
        elif newer:
            names = join_some([": ".join(name) for name in newer])
            self.notes.append(f"not compared with the anchor, which is older: {names}")
        self._check_conditions(
            replace(old, outputs={n: v for n, v in old.outputs.items() if n in after.known},
                    inputs={n: v for n, v in old.inputs.items() if n in after.known}),
            f" from the anchor {name}",
        )  # fmt: skip
        return anchor, {(c.file, c.key): c for c in found}

    def _find_differences(self) -> dict[str, Pairs]:
        """Return what else differs. Parameters are compared one by one, not as a file."""
        before, after = self.before, self.after
        files = {name.partition(": ")[0] for name in (*before.parameters, *after.parameters)}
        inputs = [{p: h for p, h in s.inputs.items() if p not in files} for s in (before, after)]
        return {
            "parameters": differences(before.parameters, after.parameters),
            "inputs": differences(*inputs),
            "environment": differences(before.environment, after.environment),
            "outputs": differences(before.outputs, after.outputs),
        }

    def _add_notes(self, found: Mapping[str, Pairs]) -> None:
        other = [kind for kind in ("parameters", "inputs", "environment") if found[kind]]
        if found["outputs"] and not other and not self.after.stale and self.before.outputs:
            names = join_some(found["outputs"])
            self.notes.append(f"not reproduced: nothing differs but the bytes of {names}")
        if self.before.stale:
            stages = join_some(self.before.stale)
            self.notes.append(f"the base's own results do not belong to its files: {stages}")

    def _decide(
        self, comparisons: Iterable[Comparison], drift: Iterable[Comparison], anchor: Base | None
    ) -> tuple[int, list[str]]:
        """Return status and reasons. A regression outranks 'cannot be compared'."""
        refusing = [c for c in comparisons if c.refuses]
        unclear = [c for c in refusing if c.verdict is Verdict.NOT_COMPARABLE]
        worse = [f"{c.name}: {c.reason}" for c in refusing if c not in unclear]
        where = f"against the anchor {anchor.name if anchor else ''}"
        worse += [f"{c.name}: {where}: {c.reason}" for c in drift if c.verdict is Verdict.WORSE]
        reasons = [*worse, *_group(unclear), *self.problems]
        if worse:
            return REGRESSION, reasons
        return (NOT_COMPARABLE if reasons else NO_WORSE), reasons


def _group(comparisons: Iterable[Comparison]) -> Iterator[str]:
    """Yield one line for all metrics of a file that have the same reason."""
    keys: dict[tuple[str, str], list[str]] = {}
    for c in comparisons:
        keys.setdefault((c.file, c.reason), []).append(c.key)
    for (file, reason), names in keys.items():
        yield f"{file}: {join_some(names)}: {reason}"


def _shorten(value: object) -> str | None:
    return None if value is None else str(value)[:12]  # of a hash, enough to tell it
