"""Pieces of a page."""

import re

from bench.intervals import Median


def between(interval: Median) -> str:
    """An interval and its coverage."""
    return f"{interval.low:.2f} to {interval.high:.2f} ({coverage(interval)} %)"


def coverage(interval: Median) -> str:
    """In percent: 93.75, 50; no digit that the number does not have."""
    return re.sub(r"\.?0+$", "", f"{interval.coverage:.2%}"[:-1])
