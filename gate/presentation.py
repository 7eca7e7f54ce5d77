"""What the gate found: as JSON for programs, as Markdown for pull requests."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import groupby
from typing import Any

from gate.check import NOT_COMPARABLE, VERDICTS, Check
from gate.comparison import Comparison, Verdict
from gate.seeds import SeedTest

COLUMNS = ("metric", "base", "candidate", "change", "margin", "verdict", "why")
SEED_COLUMNS = ("metric", "seeds", "worse by", "interval", "margin", "p", "power", "finding", "why")
NUMBERS = ("base", "candidate", "change", "margin", "seeds", "worse by", "p", "power")

# Up to so many metrics that are not gated are listed one by one.
MOST_NOT_GATED = 12


def as_json(check: Check) -> str:
    """Everything, for programs; numbers in full precision, null for what is no finite number."""
    revision = check.base.revision
    return _dump(
        {
            "status": check.status,
            "verdict": VERDICTS[check.status],
            "reasons": check.reasons,
            "notes": check.notes,
            "base": {"name": revision.name, "commit": revision.commit, "why": check.base.why},
            "metrics": [asdict(c) | {"change": c.change} for c in check.comparisons],
            "seeds": asdict(check.seeds),
            "differences": asdict(check.differences),
        }
    )


def as_markdown(check: Check) -> str:
    """The verdict, the tables and the notes, as GitHub shows them."""
    revision = check.base.revision
    lines = [
        f"### Gate: {VERDICTS[check.status]}",
        "",
        f"Compared with {code(revision.name)} ({revision.commit[:10]}): {escape(check.base.why)}.",
        "",
        *(f"- {escape(reason)}" for reason in check.reasons),
        "",
        *_table(COLUMNS, [[code(row[0]), *map(escape, row[1:])] for row in rows(check)]),
    ]
    if check.seeds.tests:
        tests = [[code(row[0]), *map(escape, row[1:])] for row in map(seed_row, check.seeds.tests)]
        lines += ["", "Over several seeds:", "", *_table(SEED_COLUMNS, tests)]
    lines += ["", *(f"- {escape(note)}" for note in (*not_gated(check), *all_notes(check)))]
    return "\n".join(lines) + "\n"


def failure_as_json(reason: str) -> str:
    """What `as_json` would give, where there is nothing to compare."""
    return _dump(
        {"status": NOT_COMPARABLE, "verdict": VERDICTS[NOT_COMPARABLE], "reasons": [reason]}
    )


def failure_as_markdown(reason: str) -> str:
    """What `as_markdown` would give, where there is nothing to compare."""
    return f"### Gate: {VERDICTS[NOT_COMPARABLE]}\n\n- {escape(reason)}\n"


def rows(check: Check) -> list[list[str]]:
    """A row of `COLUMNS` for each gated metric."""
    return [row(c) for c in check.comparisons if c.verdict is not Verdict.NOT_GATED]


def row(comparison: Comparison) -> list[str]:
    """The cells of `COLUMNS`."""
    c = comparison
    return [
        f"{c.file}: {c.key}",
        number(c.base),
        number(c.candidate),
        number(c.change, sign="+", digits=3),
        number(c.margin, digits=3),
        c.verdict if c.blocks else f"{c.verdict} (informs)",
        c.reason,
    ]


def seed_row(test: SeedTest) -> list[str]:
    """The cells of `SEED_COLUMNS`."""
    t = test
    interval = f"{number(t.low, digits=3)} to {number(t.high, digits=3)} ({t.confidence or 0:.1%})"
    return [
        f"{t.file}: {t.key}",
        str(t.pairs),
        number(t.worse_by, digits=3),
        "-" if t.confidence is None else interval,
        number(t.margin, digits=3),
        number(t.p, digits=2),
        number(t.power, digits=2),
        t.finding if t.refuses or t.finding == "no worse" else f"{t.finding} (informs)",
        t.reason,
    ]


def not_gated(check: Check) -> Iterator[str]:
    """A line for each file with metrics that gate.yaml does not name."""
    rest = [c for c in check.comparisons if c.verdict is Verdict.NOT_GATED]
    for file, group in groupby(rest, key=lambda c: c.file):
        found = list(group)
        listed = (
            f"{c.key} ({number(c.base)} -> {number(c.candidate)}"
            f"{c.reason.removeprefix('not in gate.yaml')})"
            for c in found
        )
        many = len(found) > MOST_NOT_GATED
        yield f"not gated: {file}: " + (f"{len(found)} metrics" if many else ", ".join(listed))


def all_notes(check: Check) -> Iterator[str]:
    """The notes, what differs in detail, and what was not tested over seeds."""
    yield from check.notes
    kinds: Mapping[str, Mapping[str, tuple[Any, Any]]] = asdict(check.differences)
    for kind in ("parameters", "data", "code", "environment", "gate"):
        for name, (base, candidate) in kinds[kind].items():
            yield f"{kind}: {name}: {_short(base)} -> {_short(candidate)}"
    yield from check.seeds.notes


def number(value: float | None, *, digits: int = 6, sign: str = "") -> str:
    """A number for people, a dash for none."""
    return "-" if value is None else format(value, f"{sign if value else ''}.{digits}g")


def escape(text: str) -> str:
    """Text that Markdown shows as it is; names in a pull request are not to be trusted."""
    escaped = re.sub(r"([\\`*_\[\]<>|#~&])", r"\\\1", " ".join(text.split()))
    return escaped.replace("@", "@\N{ZERO WIDTH SPACE}")  # else GitHub would call people


def code(text: str) -> str:
    """Text in Markdown's type for code, also within a table."""
    return "`" + " ".join(text.replace("`", "'").split()).replace("|", "\\|") + "`"


def _table(columns: tuple[str, ...], cells: list[list[str]]) -> list[str]:
    lines = [columns, ["---"] * len(columns), *cells]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _short(value: object) -> str:
    text = "none" if value is None else str(value)
    return text[:12] if re.fullmatch(r"[0-9a-f]{32}(\.dir)?", text) else text


def _dump(content: Mapping[str, object]) -> str:
    finite = _finite(content)
    return json.dumps(finite, indent=2, sort_keys=True, allow_nan=False, default=str) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
