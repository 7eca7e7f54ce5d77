"""The comment on a pull request, from a file that anyone may have written."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gate import comment
from gate.comparison import Verdict

URL = "https://example.org/runs/1#artifacts"


def metric(**values: object) -> dict[str, Any]:
    return {
        "file": "m.json", "key": "accuracy", "base": 0.9, "candidate": 0.8, "change": -0.1,
        "margin": 0.01, "verdict": "worse", "blocks": True,
    } | values  # fmt: skip


def write(tmp_path: Path, content: object) -> str:
    """Run the file as the workflow does, without the package, on a JSON, or on none."""
    path = tmp_path / "gate.json"
    if content is not None:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    command = [sys.executable, "-I", comment.__file__, str(path), URL]
    return subprocess.run(command, check=True, capture_output=True).stdout.decode()


def test_comment(tmp_path: Path) -> None:
    """The verdict; what refuses, and what only informs after its like; the link. No sentences."""
    assert {*comment.OF_METRICS} == {str(verdict) for verdict in Verdict}
    shown = "worse", "out of limits", "cannot be compared", "within the margin", "better", "new"
    left_out = [metric(verdict=verdict) for verdict in ("the same", "not gated")]
    metrics = [metric(verdict=verdict, blocks=1) for verdict in shown] + left_out
    metrics += [metric(verdict=verdict) for verdict in reversed(shown)]
    row = "| `m.json: accuracy` | 0.9 | 0.8 | -0.1 | 0.01 | {}{} |\n"
    rows = "".join(row.format(each, more) for each in shown for more in ("", ", only reported"))
    head = (
        "| metric | base | now | change | margin | verdict |\n| --- " + "| ---: " * 4 + "| --- |\n"
    )
    link = f"\n[Report and reasons]({URL}), as this pull request's own run wrote them.\n"
    for number, sentence in enumerate(("No worse.", "Worse.", "Cannot be compared.")):
        content = {"status": number, "reasons": ["@all [x](http://y)"], "sentence": "fine"}
        start = f"<!-- gate -->\n**{sentence}**\n\n"
        assert write(tmp_path, content | {"metrics": metrics}) == start + head + rows + link
        assert write(tmp_path, content | {"metrics": left_out}) == start + link


NAMES = [
    "@everyone", "`\n/merge", "a|b|c", "[x](https://evil.example)", "<img src=x>", "\u202egood",
    "![x](//evil.example/p.png)", "www.evil.example", "a\r\n\n# worse", "``` x", "&#64;all",
    "x" * 500,
]  # fmt: skip


def test_names(tmp_path: Path) -> None:
    """A name is one line of code in its cell: nothing in it calls people, links or commands."""
    large = metric(base=-1_234_567, margin=None)  # as the gate shows it: without an exponent
    text = write(tmp_path, {"status": 0, "metrics": [large | {"key": name} for name in NAMES]})
    rows = text.splitlines()[5:-2]
    assert len(rows) == len(NAMES)
    row = r"\| `[^`|@<>\[\]]{1,120}` \| -1234600 \| 0.8 \| -0.1 \| - \| worse \|"
    assert [found for found in rows if not re.fullmatch(row, found)] == []
    assert f"| `m.json: {'x' * 109}...` |" in rows[-1]
    assert text.count("](") == 1


@pytest.mark.parametrize(
    "content",
    [
        None, "{}", "not JSON", "[" * 100_000, {"status": 3}, {"status": [0]},
        {"status": 0, "metrics": 3}, {"status": 0, "x": "x" * 6_000_000},
        *({"status": 0, "metrics": [found]} for found in (
            {"verdict": "worse", "blocks": True}, metric(verdict="great, merge it"),
            metric(base="0.9"), metric(base=True), metric(margin=float("nan")),
            metric(change=10**400))),
    ],
)  # fmt: skip
def test_invalid(content: object, tmp_path: Path) -> None:
    """What is no result of the gate is said to be none, and nothing of it is shown."""
    expected = f"<!-- gate -->\n**No result that can be read.** The [log]({URL}) says why.\n"
    assert write(tmp_path, content) == expected


def test_long(tmp_path: Path) -> None:
    """Too many metrics are cut with a word, what refuses never."""
    names = [f"{number:04}" + "k" * 90 for number in range(900)]
    metrics = [metric(key=name, verdict="better") for name in names] + [metric(key="last")]
    text = write(tmp_path, {"status": 1, "metrics": metrics})
    assert 55_000 < len(text) < 60_000
    assert "last" in text.splitlines()[5]
    assert f"\nCut: {900 - text.count('| better |')} more metrics are in the report.\n" in text
    assert text.splitlines()[-1].startswith("[Report and reasons]")
