"""Pages of Markdown: tables, and blocks that a program fills.

A block stands between `<!-- study: answer -->` and `<!-- /study -->`: the program and the name of
the block. What is in it is made from committed files and is not to be edited by hand.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from experiment.files import write_text
from experiment.support.errors import wrong


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def blocks_of(page: str, program: str) -> dict[str, str]:
    """Return the blocks of a program in a page, by name, in their order."""
    return {name: text.strip("\n") for _, name, text, _ in _pattern(program).findall(page)}


def fill_blocks(path: Path, program: str, blocks: Mapping[str, str]) -> None:
    """Replace the blocks of a program in a page, or raise InputError if it has not just these."""
    if not path.is_file():
        raise wrong(str(path), "this page", "no such file", "restore it with git")
    page = path.read_text(encoding="utf-8")
    names, found = sorted(blocks), sorted(name for _, name, *_ in _pattern(program).findall(page))
    if found != names:
        expected = f"once each, the blocks {', '.join(names)}"
        remedy = f"put back <!-- {program}: NAME --> and <!-- /{program} -->"
        raise wrong(str(path), expected, ", ".join(found) or "none", remedy)
    filled = _pattern(program).sub(lambda f: f"{f[1]}\n{blocks[f[2]]}\n{f[4]}", page)
    if filled != page:
        write_text(path, filled)


def _pattern(program: str) -> re.Pattern[str]:
    start, end = rf"^<!-- {program}: ([\w-]+) -->$", rf"^<!-- /{program} -->$"
    return re.compile(rf"({start})\n(.*?)({end})", re.DOTALL | re.MULTILINE)
