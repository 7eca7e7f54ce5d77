"""What a change does to the pipeline's definition and to its own rules."""

import math
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import PurePosixPath

from gate.settings import SETTINGS, Rule, Settings
from gate.snapshot import Name, Snapshot, covers

MOST_LISTED = 12  # entries of a kind, one by one


def list_pipeline_changes(
    before: Snapshot,
    after: Snapshot,
    judged: Collection[str],
    changed: Collection[str],
    is_ignored: Callable[[str], bool],
) -> tuple[list[str], list[str]]:
    """Return what keeps DVC from making the judged metrics files again: notes, and problems.

    It is a problem if what differs between the sides is behind it, `changed` files among them.
    """
    notes = [f"stage {name} is now frozen" for name in sorted(after.frozen - before.frozen)]
    problems = []
    for file in judged:
        if file in before.sources and file not in after.sources:
            problems.append(f"no stage writes {file} any more; restore its stage in dvc.yaml")
            continue
        sources = after.sources.get(file, frozenset())
        for source in sorted(before.sources.get(file, frozenset()) - sources):
            text = f"{file} no longer depends on {source}"
            if any(covers(other, source) for other in sources):
                continue
            if _is_changed(source, before, after, changed):
                problems.append(f"{text}, which differs from the base's; restore the dependency")
            else:
                notes.append(text)
    if any(PurePosixPath(path).name == ".dvcignore" for path in changed):
        notes.append(".dvcignore differs")
        behind = {source for file in judged for source in after.sources.get(file, ())}
        hidden = [p for p in sorted(changed) if any(covers(s, p) for s in behind) and is_ignored(p)]
        problems += [f".dvcignore hides {p}, which differs; remove that entry" for p in hidden]
    return notes, problems


def _is_changed(source: str, before: Snapshot, after: Snapshot, changed: Collection[str]) -> bool:
    hashes = [(v, after.known.get(n)) for n, v in before.known.items() if covers(source, n)]
    differ = any(a != b and (": " in source or b is not None) for a, b in hashes)
    return differ or any(covers(source, path) for path in changed)


def list_rule_changes(
    before: Settings, after: Settings, names: Collection[Name]
) -> tuple[list[str], list[str]]:
    """Return what a change of gate.yaml loosens, removes or turns, and what else it changes."""
    old, new = before.merge_rules(names), after.merge_rules(names)
    kinds: dict[str, list[str]] = {
        kind: [] for kind in ("loosens", "removes", "turns", "adds", "changes")
    }
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            kinds[_classify(old.get(name), new.get(name))].append(": ".join(name))
    for setting in sorted(Settings.model_fields.keys() - {"metrics", "defaults"}):
        a, b = getattr(before, setting), getattr(after, setting)
        looser = b in ("inform", "pass") or (setting == "same" and not {*a} <= {*b})
        if a != b:
            kinds["removes" if b is None else "loosens" if looser else "changes"].append(setting)
    lines = {k: f"{SETTINGS} {k} {join_some(found)}" for k, found in kinds.items() if found}
    rest = [lines.pop(kind) for kind in ("adds", "changes") if kind in lines]
    return [f"{line}, from the next change on" for line in lines.values()], rest


def join_some(entries: Collection[str]) -> str:
    """Return the first entries in one line, and how many more there are."""
    more = len(entries) - MOST_LISTED
    return ", ".join([*entries][:MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def group_problems(problems: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    """Yield a line for each kind of problem of a side, with the first paths that have it.

    Problems are side, path and text; one that names its path in a command is of a kind with others.
    """
    kinds: dict[tuple[str, str], dict[str, str]] = {}
    for side, path, why in problems:
        kinds.setdefault((side, why.replace(f" {path}`", " PATH`")), {})[path] = why
    for (side, kind), by_path in kinds.items():
        why = kind if len(by_path) > 1 else next(iter(by_path.values()))
        yield ": ".join(filter(None, (side, join_some(by_path), why)))


def _classify(old: Rule | None, new: Rule | None) -> str:
    if old is None or new is None:
        return "adds" if old is None else "removes"
    if old.better != new.better:
        return "turns"
    allowed, others = _list_allowed(old), _list_allowed(new)
    looser = any(others.get(name, math.inf) > value for name, value in allowed.items())
    return "loosens" if looser else "changes"


def _list_allowed(rule: Rule) -> dict[str, float]:
    """Return what a rule asks for, as numbers of which larger ones allow more; none allows all."""
    asked = {"blocks": 0.0} if rule.blocks else {}
    asked |= {f"margin {unit}": size for unit, size in (rule.margin or {}).items()}
    asked |= {f"over_runs {unit}": size for unit, size in (rule.over_runs or {}).items()}
    asked |= {"at_least": -rule.at_least} if rule.at_least is not None else {}
    return asked | ({"at_most": rule.at_most} if rule.at_most is not None else {})
