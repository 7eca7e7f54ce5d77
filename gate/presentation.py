"""What the gate found: for people at a terminal, as JSON, and as Markdown for pull requests."""

import json
import math
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import groupby
from typing import Any

from gate.check import NO_WORSE, NOT_COMPARABLE, REGRESSION, VERDICTS, Check
from gate.comparison import Comparison, Verdict
from gate.runs import RunsTest

COLUMNS = ("metric", "base", "candidate", "change", "margin", "verdict")
RUNS_COLUMNS = ("metric", "seeds", "worse by", "interval", "margin", "p", "finding")
NUMBERS = ("base", "candidate", "change", "margin", "since anchor", "seeds", "worse by", "p")
STYLES = {NO_WORSE: "bold green", REGRESSION: "bold red", NOT_COMPARABLE: "bold yellow"}
WIDTH = 80

# Up to so many entries of a kind are listed one by one.
MOST_LISTED = 12

# A line and its style.
Line = tuple[str, str]


def as_text(check: Check) -> Iterator[Line]:
    """The base, what changed, what else differs and, last, the verdict; 80 columns wide."""
    base = check.base
    yield from _wrapped(f"Base: {base.name} ({base.commit[:10]}), {base.why}", "")
    if check.anchor:
        yield from _wrapped(f"Anchor: {check.anchor.commit[:10]}; {_worst_drift(check)}", "")
    for file, group in groupby(changed(check), key=lambda c: c.file):
        yield "", ""
        yield file, "bold"
        yield _row(["", *COLUMNS[1:]]), "dim"
        for c in group:
            cells = row(check, c)
            yield _row([f"  {c.key}", *cells[1:5], cells[-1]]), style_of(check, c)
    for test in check.runs:
        yield "", ""
        yield from _wrapped(_told(test), "red" if test.refuses else "")
    if notes := [*unchanged(check), *not_gated(check), *all_notes(check)]:
        yield "", ""
        for note in notes:
            yield from _wrapped(f"- {note}", "")
    yield "", ""
    yield f"Verdict: {VERDICTS[check.status]}", STYLES[check.status]
    for reason in check.reasons:
        yield from _wrapped(f"- {reason}", "")


def _row(cells: list[str]) -> str:
    name, base, candidate, change, margin, verdict = cells
    verdict = verdict.replace(" the ", " ") if len(verdict) > 16 else verdict
    numbers = f"{base:>9} {candidate:>9} {change:>9} {margin:>8}"
    name = f"{name:22}" if len(name) <= 22 else f"{name}\n{'':22}"
    return f"{name}{numbers}  {verdict}".rstrip()


def _worst_drift(check: Check) -> str:
    """The metric that has lost the largest share of its margin since the anchor, in words."""
    shares = {
        name: (c.change or 0) * (-1 if c.better == "higher" else 1) / c.margin
        for name, c in check.drift.items()
        if c.margin
    }
    name = max(shares, key=lambda name: shares[name], default=None)
    if name is None or shares[name] <= 0:
        return "nothing is worse than there"
    worst = check.drift[name]
    return f"most lost since then: {worst.name}: {worst.reason.partition(' (')[0]}"


def _wrapped(text: str, style: str) -> Iterator[Line]:
    lines = textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    yield from ((line, style) for line in lines)


def as_json(check: Check) -> str:
    """Everything, for programs; numbers in full precision, null for what is no finite number."""
    return _dump(
        {
            "status": check.status,
            "verdict": VERDICTS[check.status],
            "reasons": check.reasons,
            "notes": check.notes,
            "base": asdict(check.base),
            "anchor": asdict(check.anchor) if check.anchor else None,
            "metrics": [
                asdict(c) | {"change": c.change, "since_anchor": _drift(check, c)}
                for c in check.comparisons
            ],
            "runs": [asdict(test) for test in check.runs],
            "differences": check.differences,
            "stale": check.after.stale,
        }
    )


def as_markdown(check: Check) -> str:
    """The verdict, the tables and the notes, as GitHub shows them."""
    base = check.base
    lines = [
        f"### Gate: {VERDICTS[check.status]}",
        "",
        f"Compared with {code(base.name)} ({base.commit[:10]}): {escape(base.why)}.",
        "",
        *(f"- {escape(reason)}" for reason in check.reasons),
    ]
    if rows := [[code(c.name), *map(escape, row(check, c)[1:])] for c in changed(check)]:
        lines += ["", *table(columns_of(check), rows)]
    if check.runs:
        tests = [[code(cells[0]), *map(escape, cells[1:])] for cells in map(runs_row, check.runs)]
        lines += ["", "Over several seeds:", "", *table(RUNS_COLUMNS, tests)]
    notes = [*unchanged(check), *not_gated(check), *all_notes(check)]
    lines += ["", *(f"- {escape(note)}" for note in notes)]
    return "\n".join(lines).rstrip() + "\n"


def failure_as_json(reason: str) -> str:
    """What `as_json` would give, if there is nothing to compare."""
    return _dump(
        {"status": NOT_COMPARABLE, "verdict": VERDICTS[NOT_COMPARABLE], "reasons": [reason]}
    )


def failure_as_markdown(reason: str) -> str:
    """What `as_markdown` would give, if there is nothing to compare."""
    return f"### Gate: {VERDICTS[NOT_COMPARABLE]}\n\n- {escape(reason)}\n"


def changed(check: Check) -> list[Comparison]:
    """The metrics with a rule that changed: by file, those that refuse the change first."""
    found = [
        c
        for c in check.comparisons
        if c.verdict not in (Verdict.NOT_GATED, Verdict.SAME) or drifted(check, c)
    ]
    files = list(dict.fromkeys(c.file for c in found))
    return sorted(found, key=lambda c: (files.index(c.file), not c.refuses, not c.blocks))


def drifted(check: Check, comparison: Comparison) -> bool:
    """Whether a metric is worse than the anchor by more than its margin."""
    found = check.drift.get((comparison.file, comparison.key))
    return found is not None and found.verdict is Verdict.WORSE


def row(check: Check, comparison: Comparison) -> list[str]:
    """The cells of `columns_of`."""
    c, verdict = comparison, str(comparison.verdict)
    if drifted(check, c) and c.verdict is not Verdict.WORSE:
        verdict = "worse than the anchor"
    elif not c.blocks and c.verdict is not Verdict.WITHIN_MARGIN:
        verdict += " (informs)"
    values = [number(c.base), number(c.candidate), number(c.change, sign="+", digits=3)]
    drift = [number(_drift(check, c), sign="+", digits=3)] if check.drift else []
    return [c.name, *values, number(c.margin, digits=3), *drift, verdict]


def columns_of(check: Check) -> tuple[str, ...]:
    """The columns of a report: with an anchor, the drift is one."""
    return (*COLUMNS[:-1], "since anchor", COLUMNS[-1]) if check.drift else COLUMNS


def style_of(check: Check, comparison: Comparison) -> str:
    """How a terminal shows a metric."""
    if comparison.refuses or drifted(check, comparison):
        return "red" if comparison.verdict is not Verdict.NOT_COMPARABLE else "yellow"
    if comparison.verdict is Verdict.BETTER:
        return "green"
    return "" if comparison.blocks else "dim"


def runs_row(test: RunsTest) -> list[str]:
    """The cells of `RUNS_COLUMNS`."""
    r = test.result
    return [
        f"{test.file}: {test.key}",
        str(test.pairs),
        number(r.worse_by if r else None, digits=3),
        f"{r.low:.3g} to {r.high:.3g} ({r.confidence:.1%})" if r else "-",
        number(test.margin, digits=3),
        number(r.p_no_worse if r else None, digits=2),
        test.finding if test.blocks else f"{test.finding} (informs)",
    ]


def _told(test: RunsTest) -> str:
    name, pairs, worse_by, _, margin, _, finding = runs_row(test)
    means = f"mean worse by {worse_by}, margin {margin}"
    return f"Over {pairs} seeds: {name}: {finding}; {means}; {test.reason}"


def _drift(check: Check, comparison: Comparison) -> float | None:
    found = check.drift.get((comparison.file, comparison.key))
    return found.change if found else None


def unchanged(check: Check) -> Iterator[str]:
    """How many metrics with a rule are the same on both sides."""
    count = len([c for c in check.comparisons if c.verdict is Verdict.SAME])
    if count:
        yield f"unchanged: {count} {'metric' if count == 1 else 'metrics'} with a rule"


def not_gated(check: Check) -> Iterator[str]:
    """A line for each file with metrics that have no rule and that changed."""
    rest = [c for c in check.comparisons if c.verdict is Verdict.NOT_GATED and c.change != 0]
    for file, group in groupby(rest, key=lambda c: c.file):
        found = list(group)
        listed = (
            f"{c.key} ({number(c.base)} -> {number(c.candidate)}"
            f"{c.reason.removeprefix('not in gate.yaml')})"
            for c in found
        )
        many = len(found) > MOST_LISTED
        yield f"not gated: {file}: " + (f"{len(found)} metrics" if many else ", ".join(listed))


def all_notes(check: Check) -> Iterator[str]:
    """The notes, and what differs in detail."""
    yield from check.notes
    for kind in ("parameters", "gate"):
        pairs = list(check.differences[kind].items())
        for name, (base, candidate) in pairs[:MOST_LISTED]:
            name = name.removeprefix("params.yaml: ")
            yield f"{kind}: {name}: {_short(base)} -> {_short(candidate)}"
        if len(pairs) > MOST_LISTED:
            yield f"{kind}: {len(pairs) - MOST_LISTED} more differ"
    for kind, what in (("inputs", "files that stages read"), ("environment", "environments")):
        if names := list(check.differences[kind]):
            told = [n.rpartition("/")[2] if kind == "environment" else n for n in names]
            told, more = told[:MOST_LISTED], len(told) - MOST_LISTED
            yield f"{what} differ: {', '.join(told)}" + (f" and {more} more" if more > 0 else "")


def number(value: float | None, *, digits: int = 5, sign: str = "") -> str:
    """A number for people, a dash for none."""
    return "-" if value is None else format(value, f"{sign if value else ''}.{digits}g")


def escape(text: str) -> str:
    """Text that Markdown shows as it is; names in a pull request are not to be trusted."""
    escaped = re.sub(r"([\\`*_\[\]<>|#~&])", r"\\\1", " ".join(text.split()))
    return escaped.replace("@", "@\N{ZERO WIDTH SPACE}")  # else GitHub would call people


def code(text: str) -> str:
    """Text in Markdown's type for code, also within a table."""
    return "`" + " ".join(text.replace("`", "'").split()).replace("|", "\\|") + "`"


def table(columns: tuple[str, ...], cells: list[list[str]]) -> list[str]:
    """A table in Markdown, whose cells are escaped already."""
    lines = [columns, ["---"] * len(columns), *cells]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _short(value: object) -> str:
    return "none" if value is None else str(value)


def _dump(content: Mapping[str, object]) -> str:
    finite = _finite(content)
    return json.dumps(finite, indent=2, sort_keys=True, allow_nan=False, default=str) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
