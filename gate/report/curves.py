"""The curves of both sides, drawn as `dvc plots diff` draws them."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from dvc.render.converter.vega import VegaConverter
from dvc_render import VegaRenderer
from dvc_render.exceptions import DvcRenderError

from gate.errors import CannotCompareError
from gate.reading import merge_conflict, read_yaml
from gate.revisions import Source

TEMPLATES = Path(".dvc/plots")


@dataclass(frozen=True)
class Chart:
    """One plot of dvc.yaml.

    Attributes:
        name: as in dvc.yaml.
        title: for people.
        specification: in Vega-Lite, with the data; None where no side has a curve.
        table: the same data; a heading of columns, then a row for each epoch.
        missing: what is not drawn and why, in words.
    """

    name: str
    title: str
    specification: Mapping[str, Any] | None
    table: Sequence[Sequence[str]]
    missing: tuple[str, ...]


def read_charts(folder: Path, sides: Mapping[str, Source], definitions: Source) -> list[Chart]:
    """All plots whose curves are in files.

    Args:
        folder: of `dvc.yaml`; its templates are used.
        sides: by the name that the legend gives them.
        definitions: whose dvc.yaml says what to draw.
    """
    plots = (read_yaml(definitions, "dvc.yaml") or {}).get("plots") or []
    entries = [next(iter(entry.items())) for entry in plots if isinstance(entry, Mapping)]
    return [
        _chart(name, properties, sides, (folder / TEMPLATES).resolve())
        for name, properties in entries
        if isinstance((properties or {}).get("y"), Mapping)
    ]


def _chart(
    name: str, properties: Mapping[str, Any], sides: Mapping[str, Source], templates: Path
) -> Chart:
    points: list[dict[str, str]] = []
    filled: dict[str, Any] = {}
    missing: list[str] = []
    for side, source in sides.items():
        curves: dict[str, dict[str, list[dict[str, str]]]] = {}
        for path in properties["y"]:
            rows, problem = read_rows(source, path)
            curves |= {path: {path: rows}} if rows else {}
            missing += [f"{side}: {path}: {problem}"] if problem else []
        try:
            found, inferred = VegaConverter(name, curves, dict(properties)).flat_datapoints(side)
        except DvcException as error:
            missing.append(f"{side}: {error}")
            continue
        points += found
        filled = filled or inferred
    title = str(properties.get("title", name))
    if not points:
        return Chart(name, title, None, (), tuple(missing))
    table = _table(points, filled["x"], filled["y"])
    try:
        renderer = VegaRenderer(points, name, **filled, template_dir=str(templates))
        specification = renderer.get_filled_template()
    except DvcRenderError as error:
        return Chart(name, title, None, table, (*missing, str(error)))
    return Chart(name, title, specification, table, tuple(missing))


def read_rows(source: Source, path: str) -> tuple[list[dict[str, str]], str | None]:
    """The rows of a CSV file; where there are none, the reason."""
    try:
        content = source.read(path)
        if content is None:
            return [], "the file is missing"
        if conflict := merge_conflict(content):
            return [], conflict
        # Rows that are cut off lack a column, those that are too long have one without a name.
        rows = list(csv.DictReader(content.decode().splitlines()))
    except CannotCompareError as error:
        return [], str(error)
    except (csv.Error, UnicodeDecodeError) as error:
        return [], f"expected a CSV file; {error}"
    if not rows:
        return [], "the file has no rows"
    if any(None in row or None in row.values() for row in rows):
        return [], "expected as many columns in each row; found others"
    return rows, None


def _table(points: Sequence[Mapping[str, str]], x: str, y: str) -> list[list[str]]:
    """A column for each line, a row for each epoch; empty where a line has no value."""
    lines = list(dict.fromkeys((p["filename"], p["field"], p["rev"]) for p in points))
    values = {(p[x], p["filename"], p["field"], p["rev"]): p[y] for p in points}
    steps = dict.fromkeys(p[x] for p in points)
    heading = [x, *(f"{rev}: {Path(file).stem}, {field}" for file, field, rev in lines)]
    rows = [[step, *(_short(values.get((step, *line), "")) for line in lines)] for step in steps]
    return [heading, *rows]


def _short(value: str) -> str:
    try:
        return f"{float(value):.6g}"
    except ValueError:
        return value
