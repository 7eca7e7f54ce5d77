"""Write the comment on a pull request: python3 -I comment.py JSON URL.

The JSON is the output of `check --json`, and the pull request's own code may have written it.
Numbers, names and known verdicts are taken from it, no sentences. Needs Python's own library only.
"""

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

VERDICTS = {0: "No worse.", 1: "Worse.", 2: "Cannot be compared."}
OF_METRICS = ("worse", "out of limits", "cannot be compared", "within the margin", "better", "new",
              "the same", "not gated")  # fmt: skip
LARGEST_FILE, LONGEST_COMMENT, LONGEST_NAME = 5_000_000, 60_000, 120  # GitHub's limit is 65,536
PLAIN = " ._-/()%+:=,@"
HEAD = (
    "| metric | base | now | change | margin | verdict |\n" + "| --- " + "| ---: " * 4 + "| --- |"
)


def main() -> None:
    """Print the comment."""
    if len(sys.argv) != 3:
        sys.exit("comment: expected two arguments: python3 -I comment.py JSON URL")
    path, url = sys.argv[1:]
    try:
        with Path(path).open("rb") as file:
            text = render_comment(json.loads(file.read(LARGEST_FILE)), url)
    except Exception:  # whatever somebody wrote
        text = f"<!-- gate -->\n**No result that can be read.** The [log]({url}) says why.\n"
    sys.stdout.buffer.write(text.encode())


def render_comment(found: Mapping[str, Any], url: str) -> str:
    """Return the Markdown: the verdict, the metrics that changed, and the link to the report."""
    lines = ["<!-- gate -->", f"**{VERDICTS[found['status']]}**", ""]
    rows = []  # what refuses first, and what only informs after its like
    for metric in found.get("metrics", []):
        rank, informs = OF_METRICS.index(metric["verdict"]), metric["blocks"] is not True
        name = format_name(f"{metric['file']}: {metric['key']}")
        numbers = [format_number(metric[k]) for k in ("base", "candidate", "change", "margin")]
        verdict = metric["verdict"] + (", only reported" if informs else "")
        if rank < OF_METRICS.index("the same"):
            rows.append((rank, informs, f"| {name} | {' | '.join(numbers)} | {verdict} |"))
    rows.sort(key=lambda row: row[:2])
    lines += [HEAD] if rows else []
    size = 1_000
    for number, (*_, row) in enumerate(rows):
        size += len(row) + 1
        if size >= LONGEST_COMMENT:
            lines += ["", f"Cut: {len(rows) - number} more metrics are in the report."]
            break
        lines.append(row)
    link = f"[Report and reasons]({url}), as this pull request's own run wrote them."
    return "\n".join([*lines, "", link]) + "\n"


def format_name(text: str) -> str:
    """Return a name in Markdown's type for code: no mention, link or command."""
    cut = text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 3] + "..."
    at = "\N{FULLWIDTH COMMERCIAL AT}"
    return f"`{''.join(c if c.isalnum() or c in PLAIN else '?' for c in cut).replace('@', at)}`"


def format_number(value: object) -> str:
    """Return a finite number in five digits, large ones without an exponent; a dash for none."""
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(value)
    text = f"{value:.5g}"
    return f"{float(text):.0f}" if 1 <= abs(value) < 1e15 and "e" in text else text


if __name__ == "__main__":
    main()
