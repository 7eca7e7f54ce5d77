from pathlib import Path

import pytest

from experiment.support.errors import InputError
from experiment.support.markdown import blocks_of, fill_blocks, table

PAGE = """# Title

<!-- study: one -->
{}
<!-- /study -->

<!-- speed: one -->
Of another program.
<!-- /speed -->

<!-- study: two -->
{}
<!-- /study -->
"""


def test_blocks(tmp_path: Path) -> None:
    """What is between the marks is replaced, and nothing else."""
    page, rows = tmp_path / "page.md", "| a |\n| --- |\n| 2 |"
    page.write_text(PAGE.format("Old,\nold.", ""))
    fill_blocks(page, "study", {"two": table(["a"], [["2"]]), "one": "New \\1."})
    assert page.read_text() == PAGE.format("New \\1.", rows)
    assert blocks_of(page.read_text(), "study") == {"one": "New \\1.", "two": rows}


@pytest.mark.parametrize("found", ["one, three", "one, one"])
def test_missing_marks(found: str, tmp_path: Path) -> None:
    """One line, and the page is kept."""
    page, text = tmp_path / "page.md", PAGE.replace("study: two", f"study: {found[5:]}")
    page.write_text(text)
    with pytest.raises(InputError, match=f"the blocks one, two; found {found}; put back"):
        fill_blocks(page, "study", {"one": "New.", "two": "New."})
    assert page.read_text() == text
