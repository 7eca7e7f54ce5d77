"""Writes docs/faults.md: a row from each test of this folder, as it saw it.

python -m tests.faults.table
"""

import argparse
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

from tests.conftest import ROOT

HEAD = """# Faults

What happens when something goes wrong. The test in each row causes the fault, and the row says what
that test saw. At the end of each test, all results had the same bytes as after a run that nothing
disturbed. `python -m tests.faults.table` writes this page.

| fault | what happened | what was lost | test |
|---|---|---|---|
"""


def main() -> None:
    """Takes the reports (pytest's `--junitxml`) that are named, or runs the tests."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.table", description=main.__doc__)
    parser.add_argument("reports", nargs="*", type=Path)
    reports = parser.parse_args().reports
    with tempfile.TemporaryDirectory() as folder:
        if not reports:
            reports = [Path(folder) / "report.xml"]
            command = [sys.executable, "-m", "pytest", "tests/faults", f"--junitxml={reports[0]}"]
            subprocess.run(command, cwd=ROOT, check=False)
        table = HEAD + "".join(line for report in reports for line in rows(report))
    (ROOT / "docs").mkdir(exist_ok=True)
    (ROOT / "docs/faults.md").write_text(table, encoding="utf-8", newline="\n")


def rows(report: Path) -> list[str]:
    """Lines of the table, in the order of the tests; tests that record no fault have none."""
    found = []
    for case in ET.parse(report).iter("testcase"):
        cells = {each.attrib["name"]: each.attrib["value"] for each in case.iter("property")}
        if case.find("failure") is not None or case.find("error") is not None:
            sys.exit(f"table: {case.attrib['name']} failed; docs/faults.md is as it was")
        skipped = case.find("skipped")
        if skipped is not None:
            cells |= {"happened": f"not caused here: {skipped.attrib['message']}", "lost": ""}
        if "fault" in cells:
            module = case.attrib["classname"].rpartition(".")[2]
            test = f"`{module}.py::{case.attrib['name']}`"
            texts = [cells["fault"], cells["happened"], cells["lost"], test]
            found.append(f"| {' | '.join(text.replace('|', '&#124;') for text in texts)} |\n")
    return found


if __name__ == "__main__":
    main()
