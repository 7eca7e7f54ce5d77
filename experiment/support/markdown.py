"""Pages of Markdown: tables, paragraphs, and blocks that a program fills.

A block stands between `<!-- study: answer -->` and `<!-- /study -->`: the program and the name of
the block. What is in it is made from committed files and is not to be edited by hand.
"""

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from experiment.files import replacing
from experiment.support.errors import InputError


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def paragraph(text: str) -> str:
    """Lines of at most 100 characters."""
    return textwrap.fill(text, width=100, break_long_words=False, break_on_hyphens=False)


def blocks_of(page: str, program: str) -> dict[str, str]:
    """The blocks of a program in a page, by name, in their order."""
    return {found["name"]: found["text"].strip("\n") for found in _pattern(program).finditer(page)}


def fill_blocks(path: Path, program: str, blocks: Mapping[str, str]) -> None:
    """Replaces what is in the blocks of a program in a page.

    Raises:
        InputError: the page is not there, or has not just these blocks.
    """
    if not path.is_file():
        raise InputError(f"{path}: expected this page; found no such file; restore it with git")
    page = path.read_text(encoding="utf-8")
    names = [found["name"] for found in _pattern(program).finditer(page)]
    if sorted(names) != sorted(blocks):
        raise InputError(
            f"{path}: expected, once each, the blocks {_listed(blocks)}; found {_listed(names)};"
            f" put back <!-- {program}: NAME --> and <!-- /{program} -->"
        )
    filled = _pattern(program).sub(
        lambda found: f"{found['start']}\n{blocks[found['name']]}\n{found['end']}", page
    )
    if filled != page:
        with replacing(path) as temporary:
            temporary.write_text(filled, encoding="utf-8", newline="\n")


def _pattern(program: str) -> re.Pattern[str]:
    start, end = rf"^<!-- {program}: (?P<name>[\w-]+) -->$", rf"^<!-- /{program} -->$"
    return re.compile(rf"(?P<start>{start})\n(?P<text>.*?)(?P<end>{end})", re.DOTALL | re.MULTILINE)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
