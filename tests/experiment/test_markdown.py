from pathlib import Path

import pytest

from experiment.support.errors import InputError
from experiment.support.markdown import blocks_of, fill_blocks, table

PAGE = """# Title

<!-- study: one -->
Old,
old.
<!-- /study -->

<!-- speed: one -->
Of another program.
<!-- /speed -->

<!-- study: two -->
<!-- /study -->
"""


def test_blocks(tmp_path: Path) -> None:
    """What is between the marks is replaced, and nothing else."""
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    fill_blocks(page, "study", {"two": table(["a"], [["2"]]), "one": "New \\1."})
    expected = PAGE.replace("Old,\nold.", "New \\1.").replace(
        "two -->", "two -->\n| a |\n| --- |\n| 2 |"
    )
    assert page.read_text() == expected
    blocks = {"one": "New \\1.", "two": "| a |\n| --- |\n| 2 |"}
    assert blocks_of(page.read_text(), "study") == blocks


@pytest.mark.parametrize(
    ("new", "found"), [("study: three", "one, three"), ("study: one", "one, one")]
)
def test_missing_marks(new: str, found: str, tmp_path: Path) -> None:
    """One line, and the page is kept."""
    page, text = tmp_path / "page.md", PAGE.replace("study: two", new)
    page.write_text(text)
    with pytest.raises(InputError, match=f"the blocks one, two; found {found}; put back"):
        fill_blocks(page, "study", {"one": "New.", "two": "New."})
    assert page.read_text() == text
