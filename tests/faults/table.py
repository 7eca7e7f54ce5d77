"""Writes docs/faults.md: a row from each test of this folder, as it saw it.

python -m tests.faults.table
"""

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

from tests.conftest import ROOT

HEAD = """# Faults

What happens when something goes wrong: each fault was really caused, by the test in its row, and
the row is what that test saw. After each one `dvc repro` ended with the bytes of a run that
nothing disturbed. Made by `python -m tests.faults.table`.

| fault | what happened | what was lost | test |
|---|---|---|---|
"""


def main() -> None:
    """Runs the tests; writes the table unless one fails."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "tests/faults", f"--junitxml={report}"]
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        if status != 0:
            sys.exit("table: a test failed; docs/faults.md is as it was")
        table = HEAD + "".join(rows(report))
    (ROOT / "docs").mkdir(exist_ok=True)
    (ROOT / "docs/faults.md").write_text(table, encoding="utf-8", newline="\n")


def rows(report: Path) -> list[str]:
    """Lines of the table, in the order of the tests; tests that record no fault have none."""
    found = []
    for case in ET.parse(report).iter("testcase"):
        cells = {each.attrib["name"]: each.attrib["value"] for each in case.iter("property")}
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
