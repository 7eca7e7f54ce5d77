from pathlib import Path

import pytest

from experiment.support.errors import InputError
from experiment.support.markdown import blocks_of, fill_blocks, paragraph, table

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


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    return path


def test_blocks(page: Path) -> None:
    """What is between the marks is replaced, and nothing else."""
    fill_blocks(page, "study", {"two": "| 2 |", "one": "New \\1."})
    expected = PAGE.replace("Old,\nold.", "New \\1.").replace("two -->", "two -->\n| 2 |")
    assert page.read_text() == expected
    assert blocks_of(page.read_text(), "study") == {"one": "New \\1.", "two": "| 2 |"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# Title\n", "none"),
        (PAGE.replace("study: two", "study: three"), "one, three"),
        (PAGE.replace("study: two", "study: one"), "one, one"),
    ],
)
def test_missing_marks(page: Path, text: str, found: str) -> None:
    """One line, and the page is kept."""
    page.write_text(text)
    with pytest.raises(InputError, match=f"the blocks one, two; found {found}; put back"):
        fill_blocks(page, "study", {"one": "New.", "two": "New."})
    assert page.read_text() == text


def test_pieces() -> None:
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    words = " ".join(["word"] * 30)
    assert [len(line) for line in paragraph(words).splitlines()] == [99, 49]
