"""Pieces of a page."""

import re
import textwrap
from collections.abc import Sequence

from bench.intervals import Median


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def paragraph(text: str) -> str:
    """Lines of at most 100 characters."""
    return textwrap.fill(text, width=100, break_long_words=False, break_on_hyphens=False)


def between(interval: Median) -> str:
    """An interval and its coverage."""
    # 93.75, 50: no digit that the number does not have
    coverage = re.sub(r"\.?0+$", "", f"{interval.coverage:.2%}"[:-1])
    return f"{interval.low:.2f} to {interval.high:.2f} ({coverage} %)"
