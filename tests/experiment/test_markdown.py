from pathlib import Path

import pytest

from experiment.support.errors import InputError
from experiment.support.markdown import blocks_of, fill_blocks, paragraph, table

PAGE = """# Title

<!-- study: one -->
Old,
old.
<!-- /study -->

Between.

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


def test_what_is_between_the_marks_is_replaced_and_nothing_else(page: Path) -> None:
    fill_blocks(page, "study", {"two": "| 2 |", "one": "New \\1."})
    expected = PAGE.replace("Old,\nold.", "New \\1.").replace("two -->", "two -->\n| 2 |")
    assert page.read_text() == expected
    assert blocks_of(page.read_text(), "study") == {"one": "New \\1.", "two": "| 2 |"}
    before = page.stat().st_ino
    fill_blocks(page, "study", {"two": "| 2 |", "one": "New \\1."})
    assert page.stat().st_ino == before  # nothing to do: left alone


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# Title\n", "none"),
        (PAGE.replace("study: two", "study: three"), "one, three"),
        (PAGE.replace("study: two", "study: one"), "one, one"),
        (PAGE.replace("<!-- study: two", " <!-- study: two"), "one"),
    ],
)
def test_missing_marks_are_one_line_and_the_page_is_kept(page: Path, text: str, found: str) -> None:
    page.write_text(text)
    with pytest.raises(InputError) as raised:
        fill_blocks(page, "study", {"one": "New.", "two": "New."})
    assert str(raised.value) == (
        f"{page}: expected, once each, the blocks one, two; found {found}; put back"
        " <!-- study: NAME --> and <!-- /study -->"
    )
    assert page.read_text() == text
    page.unlink()
    with pytest.raises(InputError, match=r"page.md: expected this page; found no such file"):
        fill_blocks(page, "study", {})


def test_pieces() -> None:
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    words = " ".join(["word"] * 30)
    assert [len(line) for line in paragraph(words).splitlines()] == [99, 49]
