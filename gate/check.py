"""The whole gate: read each side once, compare by the base's rules, and say what follows."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gate.base import Base, choose_base, find_anchor
from gate.changes import group_problems, join_some, list_pipeline_changes, list_rule_changes
from gate.comparison import Comparison, Noise, Verdict, compare, find_value
from gate.errors import CannotCompareError, one_line, write_whole
from gate.git import find_commit, list_changes, read_committed
from gate.repository import Repository
from gate.runs import compare_means, measure_noise, read_runs
from gate.settings import SETTINGS, Rule, Settings, load_settings, no_such, read_own
from gate.snapshot import MISSING, Name, Pairs, differences, matches

NO_WORSE, REGRESSION, NOT_COMPARABLE = 0, 1, 2

STALE = "results that do not belong to the files beside them"


class Check:
    """A comparison of the workspace with a revision, by that revision's rules."""

    def __init__(self, folder: Path, base: str | None = None) -> None:
        """Compare; what is found is in the attributes."""
        self.problems: list[str] = []
        self.changes: list[str] = []  # of the pipeline's definition, and rules that get looser
        self.notes: list[str] = []
        self.repository = Repository(folder)
        self.folder = self.repository.folder
        files = self.repository.list_metrics_files()
        if not files:
            raise CannotCompareError("dvc.yaml: expected metrics files; found none; declare them")
        self.base = choose_base(self.folder, base, files)
        self._read_settings()
        both = [settings for settings in (self.settings, self.own) if settings]
        self.after = self.repository.read(None, "workspace", *both)
        self.before = self.repository.read(self.base.commit, self.base.name, *both)
        files = [*dict.fromkeys((*self.after.metrics, *self.before.metrics))]
        old = {path: self.before.metrics.get(path, MISSING) for path in files}
        judged = [path for path in files if matches(path, self.settings.metrics)]
        for path in judged:
            found = self.after.metrics.get(path)
            if isinstance(found, str) and isinstance(old[path], str):
                raise CannotCompareError(f"{path}: {found}")
        self.names = self.before.values.keys() | self.after.values.keys()
        self.rules = self._check_names(self.settings)
        # Metrics that the base does not have pass where `first_run` says so and it has none, and
        # where the rules are as new as they.
        first = self.settings is self.own
        if not self.rules.keys() & self.before.values.keys():
            first = self.settings.first_run == "pass"
        self.is_first_run = all(str(old[path]).startswith(MISSING) for path in judged)
        text = f"{self.base.name} has no results yet"
        if self.is_first_run and first:
            self.notes.append(text)
        elif self.is_first_run:
            todo = "commit these, which the next change is compared with, or set `first_run: pass`"
            self.problems.append(f"{text}; {todo}")
        noise, means = self._compare_means()
        single = compare(self.rules, self.before, self.after, noise, first=first)
        self.comparisons = (*means, *single)  # those with a rule first
        if self._check_conditions(self.before.known, ""):
            changes = (Verdict.BETTER, Verdict.WITHIN_MARGIN, Verdict.WORSE)
            self.comparisons = tuple(
                replace(c, verdict=Verdict.NOT_GATED) if c.verdict in changes else c
                for c in self.comparisons
            )
        self._find_changes()
        self.anchor, self.drift = self._compare_with_anchor(noise)
        self.differences = self._find_differences()
        self.status, self.reasons = self._decide()

    def _read_settings(self) -> None:
        """Read the base's settings, which judge; the workspace's where it has none."""
        self.own: Settings | None = None  # the workspace's
        wrong = ""
        try:
            self.own = load_settings(read_own(self.folder))
        except (CannotCompareError, OSError) as error:
            wrong = one_line(error)
        text = read_committed(self.folder, self.base.commit, SETTINGS)
        try:
            self.settings = load_settings(text)
            self.problems += [f"workspace: {wrong}"] if wrong else []
        except CannotCompareError as error:
            if self.own is None:
                raise CannotCompareError(wrong) from None
            why = "has no gate.yaml" if text is None else f"has none that can be used ({error})"
            self.changes.append(
                f"judged by the workspace's own rules: {self.base.name} {why};"
                " commit them, and they judge the next change"
            )
            self.settings = self.own

    def _check_names(self, settings: Settings) -> dict[Name, Rule]:
        """Return the rules of all metrics, after every name in the settings was looked up."""
        rules = settings.merge_rules(self.names)
        sides = (self.before, self.after)
        paths = {path for side in sides for path in (*side.inputs, *side.outputs)}
        known = {name for side in sides for name in side.known}
        files = {name for side in sides for name in side.metrics}
        read = {path for side in sides for path, text in side.files.items() if text is not None}
        for where, patterns, names, what in (
            ("same", settings.same, known, "file or parameter of the pipeline"),
            ("environment", settings.environment, paths, "file that a stage reads or writes"),
            ("predictions", settings.predictions, files, "metrics file"),
            ("predictions", settings.predictions.values(), read, "file of either side"),
        ):
            for pattern in patterns:
                if not any(matches(name, [pattern]) for name in names):
                    raise no_such(where, pattern, names, what)
        return rules

    def _compare_means(self) -> tuple[dict[Name, Noise | str], list[Comparison]]:
        """Return the noise over seeds of each metric, and the comparisons over seeds."""
        runs, before = self.settings.runs, self.before
        if runs is None:
            return {}, []
        if self.settings is self.own:  # the table and the parameters are as new as the rules
            parameters = {**self.after.parameters, **before.parameters}
            files, name = self.after.files, self.after.name
            before = replace(before, name=name, files=files, parameters=parameters)
        base = read_runs(runs, before, check=True)
        noise = {
            name: measure_noise(base[name[0]], name[1], runs.file)
            for name in self.rules
            if name[0] in base
        }
        try:
            candidate = read_runs(runs, self.after)
        except CannotCompareError as error:
            self.problems.append(str(error))
            return noise, []
        return noise, compare_means(runs.level, self.rules, base, candidate, noise)

    def _check_conditions(self, old: Mapping[str, object], where: str) -> bool:
        """Add the entries of `same` that differ, and return whether any does.

        What the other side does not know is skipped.
        """
        now = self.after.known
        differ = [
            f"{name} differs{where}: {str(value)[:12]} -> {str(now.get(name))[:12]};"
            " results of other data cannot be compared"
            for name, value in sorted(old.items())
            if matches(name, self.settings.same) and value not in (None, now.get(name))
        ]
        self.problems += differ
        return bool(differ)

    def _find_changes(self) -> None:
        """Add what keeps results from being made again, and how the rules change."""
        if self.after.stale:
            listed = "; ".join(f"{stage}: {why}" for stage, why in self.after.stale.items())
            refuse = self.settings.stale_results == "refuse"
            (self.problems if refuse else self.notes).append(f"{STALE}: {listed}; run `dvc repro`")
        if self.before.stale and not self.is_first_run:
            stages = join_some(self.before.stale)
            self.notes.append(f"the base's own results do not belong to its files: {stages}")
        files = sorted({name[0] for name, rule in self.rules.items() if rule.blocks})
        changed = list_changes(self.folder, self.base.commit)
        notes, problems = list_pipeline_changes(
            self.before, self.after, files, changed, self.repository.is_ignored
        )
        start = "the pipeline's definition changed: "
        self.changes += [start + text for text in notes]
        self.problems += [start + text for text in problems]
        if self.own and self.own != self.settings:
            try:
                self._check_names(self.own)
                if self.own.anchor:
                    find_anchor(self.folder, self.own.anchor)
                looser, rest = list_rule_changes(self.settings, self.own, self.names)
                self.changes += looser
                self.notes += rest
            except CannotCompareError as error:
                self.problems.append(f"workspace: {error}")

    def _compare_with_anchor(
        self, noise: Mapping[Name, Noise | str]
    ) -> tuple[Base | None, dict[Name, Comparison]]:
        """Compare the metrics that block with the base's anchor.

        A change cannot move its own anchor unless it changes no result.
        """
        before, after, name = self.before, self.after, self.settings.anchor
        same = before.metrics == after.metrics and before.known == after.known
        if self.own and self.own.anchor and (same or not name):
            name = self.own.anchor
        if not name:
            return None, {}
        anchor = find_anchor(self.folder, name)
        old = before
        if anchor.commit != self.base.commit:
            old = self.repository.read(anchor.commit, name)
        where = f"against the anchor {name}"
        judged = {name: rule for name, rule in self.rules.items() if rule.blocks and rule.better}
        known = {n: v for n, v in old.known.items() if n in after.known or n in old.parameters}
        if self._check_conditions(known, f" from the anchor {name}"):
            return anchor, {}
        newer = [name for name in judged if find_value(old, name) == (None, "")]
        kept = {name: rule for name, rule in judged.items() if name not in newer}
        # Single values are compared: the anchor's runs are not read.
        single = {n: replace(v, runs=1) if isinstance(v, Noise) else v for n, v in noise.items()}
        found = compare(kept, old, after, single)[: len(kept)]
        said = {(c.file, c.key, c.reason) for c in self.comparisons}
        unclear = [
            c for c in found if c.verdict is Verdict.NOT_COMPARABLE and c.candidate is not None
        ]
        unclear = [c for c in unclear if (c.file, c.key, c.reason) not in said]
        self.problems += [f"{where}: {reason}" for reason in group_reasons(unclear)]
        if judged and not kept:
            self.problems.append(f"{where}: it has no metric that blocks; move it (`accept`)")
        elif newer:
            names = join_some([": ".join(name) for name in newer])
            self.notes.append(f"not compared with the anchor, which is older: {names}")
        return anchor, {(c.file, c.key): c for c in found}

    def _find_differences(self) -> dict[str, Pairs]:
        """Return what else differs. Parameters are compared one by one, not as a file."""
        before, after = self.before, self.after
        files = {name.partition(": ")[0] for name in (*before.parameters, *after.parameters)}
        inputs = [{p: h for p, h in s.inputs.items() if p not in files} for s in (before, after)]
        found = {
            "parameters": differences(before.parameters, after.parameters),
            "inputs": differences(*inputs),
            "environment": differences(before.environment, after.environment),
        }
        if self.is_first_run:
            found["environment"] = {}
        outputs = differences(before.outputs, after.outputs)
        again = before.outputs.keys() >= outputs.keys()
        if outputs and again and not any(found.values()) and not after.stale:
            names = join_some(outputs)
            self.notes.append(f"not reproduced: nothing differs but the bytes of {names}")
        return found | {"outputs": outputs}

    def _decide(self) -> tuple[int, list[str]]:
        """Return status and reasons. A regression outranks 'cannot be compared'."""
        refusing = [c for c in self.comparisons if c.refuses]
        unclear = [c for c in refusing if c.verdict is Verdict.NOT_COMPARABLE]
        worse = [f"{c.name}: {c.reason}" for c in refusing if c not in unclear]
        where = f"against the anchor {self.anchor.name if self.anchor else ''}"
        drift = [c for c in self.drift.values() if c.verdict is Verdict.WORSE]
        worse += [f"{c.name}: {where}: {c.reason}" for c in drift]
        if self.is_first_run:  # of which `problems` say why
            unclear = [c for c in unclear if c.candidate is None]
        reasons = [*worse, *group_reasons(unclear), *self.problems]
        return (REGRESSION if worse else NOT_COMPARABLE if reasons else NO_WORSE), reasons


def move_anchor(folder: Path, revision: str) -> tuple[str, list[str]]:
    """Write a commit as the anchor into gate.yaml, of which nothing else changes.

    Return that it moved, and what became worse since the old one.
    """
    root = Repository(folder).folder
    commit = find_commit(root, revision)
    if commit is None:
        raise CannotCompareError(f"expected a branch, tag or commit; there is no {revision!r} here")
    text = read_own(root) or ""
    old = load_settings(text or None).anchor
    line = f"anchor: {commit}"
    new, count = re.subn(r"(?m)^anchor:[^\r\n#]*?(?=\s*(#|\r?$))", line, text, count=1)
    new = new if count else f"{line}\n{text}"
    if load_settings(new).anchor != commit:
        raise CannotCompareError(f"{SETTINGS}: anchor: cannot be replaced; write {commit} by hand")
    said = []
    try:
        for c in Check(root, find_anchor(root, old).commit).comparisons if old else ():
            if c.blocks and c.loss > 0:
                beyond = ", beyond its margin" if c.verdict is Verdict.WORSE else ""
                said.append(f"worse than at the old anchor: {c.name}: {c.change:+.3g}{beyond}")
        if old and not said:
            said = ["no metric that blocks is worse than at the old anchor"]
    except CannotCompareError as error:
        said = [f"cannot be compared with the old anchor: {error}"]
    write_whole(root / SETTINGS, new)
    return f"**The anchor is now {commit[:10]}.** Commit {SETTINGS}; it judges from then on.", said


def group_reasons(comparisons: Sequence[Comparison]) -> list[str]:
    """Return each reason once for all metrics, and for all files of which it says the same."""
    keys: dict[tuple[str, str], list[str]] = {}
    for c in comparisons:
        keys.setdefault((c.file, c.reason), []).append(c.key)
    texts = (("", file, f"{join_some(keys[file, why])}: {why}") for file, why in keys)
    return list(group_problems(texts))
