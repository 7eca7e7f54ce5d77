"""The figures of the page, computed from the committed files by other code than the page's."""

import base64
import csv
import json
import re
import zlib
from collections import defaultdict
from pathlib import Path
from typing import Any

from scipy import stats

from tests.conftest import ROOT

PARAMETERS = ("dataset", "dense_units", "train_samples", "placement", "dropout_rate")
Setting = tuple[str, ...]
Runs = dict[Setting, dict[int, dict[str, str]]]


def read_runs() -> Runs:
    """By setting and seed, a row of the study's table."""
    found: Runs = defaultdict(dict)
    with (ROOT / "metrics/study_runs.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            row.setdefault("dense_units", "128")
            found[tuple(row[name] for name in PARAMETERS)][int(row["seed"])] = row
    return found


def compared(runs: Runs) -> dict[Setting, list[int]]:
    """By setting with Dropout, the seeds with which there is a run without, too."""
    found = {}
    for setting, rows in runs.items():
        seeds = sorted(rows.keys() & runs.get(without(setting), {}).keys())
        if setting[3] != "none" and len(seeds) > 1:
            found[setting] = seeds
    return found


def without(setting: Setting) -> Setting:
    return (*setting[:3], "none", "0.0")


def values(runs: Runs, setting: Setting, seeds: list[int], metric: str) -> list[float]:
    return [float(runs[setting][seed][metric]) for seed in seeds]


def change(dropout: list[float], none: list[float], digits: int, to: str) -> tuple[str, int]:
    """Mean difference with its interval, and on which side of 0 that is."""
    found = stats.ttest_rel(dropout, none)
    low, high = found.confidence_interval()
    mean = sum(dropout) / len(dropout) - sum(none) / len(none)
    texts = [f"{value:+.{digits}f}".replace("-", "−") for value in (mean, low, high)]
    return f"{texts[0]} [{texts[1]} {to} {texts[2]}]", int(low > 0) - int(high < 0)


def packed(page: str) -> dict[str, Any]:
    """What the script of a page is given."""
    (text,) = re.findall(r'id="data">([^<]*)<', page)
    content: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(text)))
    return content


def rows(page: str, table: str) -> list[list[str]]:
    """The cells of the table that has this in its caption, row by row, without the head."""
    (found,) = re.findall(rf"<caption>[^<]*{table}[^<]*</caption>.*?</table>", page, re.DOTALL)
    lines = re.findall(r"<tr>(.*?)</tr>", found, re.DOTALL)[1:]
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line) for line in lines]
    return [[cell.replace("\N{NO-BREAK SPACE}", " ") for cell in line] for line in cells]


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
