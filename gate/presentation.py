"""What the gate found, as Markdown for people and as JSON for programs."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from gate.changes import join_some
from gate.check import NO_WORSE, NOT_COMPARABLE, REGRESSION, Check
from gate.comparison import Comparison, Verdict
from gate.errors import CannotCompareError, clean, format_number

VERDICTS = {
    NO_WORSE: "no worse than the base",
    REGRESSION: "regression",
    NOT_COMPARABLE: "cannot be compared",
}
MOST_FILES = 3  # that the first line names

Found = Check | CannotCompareError


def as_sentence(found: Found) -> str:
    """Return the verdict as a person says it."""
    if isinstance(found, CannotCompareError) or found.status == NOT_COMPARABLE:
        text = f"Cannot be compared: {found.reasons[0]}"
    elif found.status == REGRESSION:
        worse = list(_list_worse(found))
        more = f" ({len(worse) - 1} more below)" if len(worse) > 1 else ""
        text = f"Worse{worse[0]}{more}."
    else:
        text = f"No worse. {_describe_power(found)}"
    if isinstance(found, Check) and found.changes:
        text = f"{text.rstrip('.')}. This change alters what judges it: see below."
    return text


def _list_worse(check: Check) -> Iterator[str]:
    anchor = f" than the anchor {check.anchor.name[:10]}" if check.anchor else ""
    refusing = [("", c) for c in check.comparisons if c.refuses]
    for where, c in (*refusing, *((anchor, c) for c in check.drift.values())):
        if c.verdict is Verdict.OUT_OF_LIMITS and not where:
            yield f": {c.key} of {c.file} is {c.reason}"
        elif c.verdict is Verdict.WORSE:
            direction = "fell" if (c.change or 0) < 0 else "rose"
            what = "another seed explains" if "standard deviations" in c.reason else "its margin"
            size, margin = format_number(c.loss, digits=2), format_number(c.margin, digits=2)
            yield f"{where}: {c.key} of {c.file} {direction} by {size}, more than {what} ({margin})"


def _describe_power(check: Check) -> str:
    blocking = [c for c in check.comparisons if c.blocks and c.found_from is not None]
    # The first of each file: rules name the headline first.
    first = {c.file: c for c in reversed(blocking)}
    found = [
        f"{format_number(first[file].found_from, digits=2)} in {first[file].key} of {file}"
        for file in sorted(first)[:MOST_FILES]
    ]
    if not found:
        return "How small a loss would have been found is not known: there are no runs over seeds."
    return f"In 4 of 5 cases a loss from {' or '.join(found)} would have been found."


def as_markdown(found: Found) -> str:
    """Return the verdict, then reasons, metrics, rules and the rest."""
    lines = [f"**{escape(as_sentence(found))}**", ""]
    if not isinstance(found, Check):
        return "\n".join(lines)
    base = found.base
    lines += [f"Compared with {code(base.name)} ({base.commit[:10]}): {escape(base.why)}.", ""]
    lines += bullets(found.reasons[1:] if found.status == NOT_COMPARABLE else found.reasons)
    quiet = (Verdict.NOT_GATED, Verdict.SAME)
    changed = [c for c in found.comparisons if c.verdict not in quiet or _has_drifted(found, c)]
    files = list(dict.fromkeys(c.file for c in changed))
    changed.sort(
        key=lambda c: (files.index(c.file), not (c.refuses or _has_drifted(found, c)), not c.blocks)
    )
    for file, group in groupby(changed, key=lambda c: c.file):
        lines += [f"**{code(file)}**", "", *_metrics_table(found, list(group)), ""]
    lines += bullets(found.changes)
    lines += bullets([*_describe_anchor(found), *found.notes, *_list_rest(found)])
    return "\n".join(lines).rstrip() + "\n"


def bullets(texts: Sequence[str]) -> list[str]:
    """Return a list in Markdown, and an empty line."""
    return [*(f"- {escape(text)}" for text in texts), ""] if texts else []


def _has_drifted(check: Check, c: Comparison) -> bool:
    found = check.drift.get((c.file, c.key))
    return found is not None and found.verdict is Verdict.WORSE


def _metrics_table(check: Check, comparisons: Sequence[Comparison]) -> list[str]:
    """Return the rows of one file; the verdict of a metric that refuses the change is bold."""
    heading = clean(check.base.name) if len(check.base.name) <= 12 else "base"
    # What compares the means over seeds of both sides says so in its name.
    means = {c: c.base_runs for c in comparisons if (c.file, c.key) in check.names}
    together = len({*means.values()}) == 1  # said once, in the heading
    if together and max(means.values()) > 1:
        heading += f", mean of {max(means.values())} seeds"
    rows = []
    for c in comparisons:
        value = format_number(c.base)
        if means.get(c, 1) > 1 and not together:
            value += f" (mean of {c.base_runs} seeds)"
        drifted, verdict = _has_drifted(check, c), str(c.verdict)
        if c.verdict in (Verdict.BETTER, Verdict.WITHIN_MARGIN, Verdict.WORSE):
            verdict = re.split(r" \(|: ", c.reason)[0]
        if c.verdict is Verdict.WITHIN_MARGIN and c.found_from is not None:
            verdict += f", finds {format_number(c.found_from, digits=2)}"
        verdict += "" if c.blocks or c.refuses else ", only reported"
        if drifted and c.verdict is not Verdict.WORSE:
            verdict = "worse than the anchor"
        bold = "**" if c.refuses or drifted else ""
        cells = [code(c.key or c.file), value, format_number(c.candidate)]
        rows.append([*cells, f"{bold}{escape(verdict)}{bold}"])
    return table(("metric", escape(heading), "now", "verdict"), rows)


def _describe_anchor(check: Check) -> Iterator[str]:
    """Yield the metric that has lost the largest share of its margin since the anchor."""
    compared = [c for c in check.drift.values() if c.margin]
    if check.anchor and compared:
        worst = max(compared, key=lambda c: c.loss / (c.margin or 1))
        text = f"most lost since: {worst.name}: {worst.reason.partition(' (')[0]}"
        if worst.loss <= 0:
            text = f"none of {len(compared)} metrics compared with it is worse than there"
        yield f"anchor {check.anchor.name[:10]}: {text}"


def _list_rest(check: Check) -> Iterator[str]:
    count = len([c for c in check.comparisons if c.verdict is Verdict.SAME])
    if count:
        yield f"unchanged: {count} {'metric' if count == 1 else 'metrics'} with a rule"
    ungated = [c for c in check.comparisons if c.verdict is Verdict.NOT_GATED]
    rest = [c for c in ungated if c.base != c.candidate]
    for file, group in groupby(rest, key=lambda c: c.file):
        listed = [
            f"{c.key} ({format_number(c.base)} -> {format_number(c.candidate)})" for c in group
        ]
        yield f"not gated: {file}: {join_some(listed)}"
    found = check.differences
    values = [
        f"{name.removeprefix('params.yaml: ')} {a} -> {b}"
        for name, (a, b) in found["parameters"].items()
    ]
    environment = [name.rpartition("/")[2] for name in found["environment"]]
    kinds = {"": values, "files that stages read: ": [*found["inputs"]],
             "environment: ": environment}  # fmt: skip
    if differs := [f"{kind}{join_some(names)}" for kind, names in kinds.items() if names]:
        yield f"differs: {'; '.join(differs)}"


def as_json(found: Found) -> str:
    """Return everything, in full precision, and what is no finite number as text."""
    content: dict[str, Any] = {
        "status": found.status,
        "verdict": VERDICTS[found.status],
        "sentence": as_sentence(found),
        "reasons": found.reasons,
    }
    if isinstance(found, Check):
        drift = {c.name: c.change for c in found.drift.values()}
        content |= {
            "changes": found.changes,
            "notes": found.notes,
            "base": asdict(found.base),
            "anchor": asdict(found.anchor) if found.anchor else None,
            "metrics": [
                asdict(c)
                | {"change": c.change, "refuses": c.refuses, "since_anchor": drift.get(c.name)}
                for c in found.comparisons
            ],
            "differences": found.differences,
            "stale": found.after.stale,
        }
    finite = json.loads(json.dumps(content, default=str), parse_constant=str)
    return json.dumps(finite, indent=2, sort_keys=True) + "\n"


def list_annotations(found: Found) -> Iterator[str]:
    """Yield GitHub's commands for annotations: the verdict, then each reason."""
    kind = "notice" if found.status == NO_WORSE else "error"
    reasons = found.reasons if isinstance(found, Check) else ()
    for text in (as_sentence(found), *reasons[:9]):
        yield f"::{kind} title=Metrics gate::{clean(text).replace('%', '%25')}"


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, without links and without calling people."""
    escaped = re.sub(r"([\\`*_\[\]<>|#~&])", r"\\\1", clean(text))
    escaped = escaped.replace("://", "\\://").replace("www.", "www\\.")
    return escaped.replace("@", "@\N{ZERO WIDTH SPACE}")  # so that GitHub notifies nobody


def code(text: str) -> str:
    """Return text in Markdown's type for code, also within a table."""
    return "`" + clean(text.replace("`", "'")).replace("|", "\\|") + "`"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table in Markdown, whose cells are escaped already."""
    numeric = [all(re.fullmatch(r"[-+\d.e]+", row[i]) for row in rows) for i in range(len(columns))]
    ends = ["---:" if each else "---" for each in numeric]
    return ["| " + " | ".join(line) + " |" for line in (columns, ends, *rows)]
