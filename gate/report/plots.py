"""Every plot that DVC draws, of both sides."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvc_render.exceptions import DvcRenderError

from gate.errors import one_line
from gate.repository import Repository

# Of the base and the candidate, on every page; both can be seen on white and on black.
COLOURS = ("#7f7f7f", "#c2479b")
MOST_ROWS = 200


@dataclass(frozen=True)
class Chart:
    """One plot with data.

    Attributes:
        name: DVC's.
        title: for people.
        specification: in Vega-Lite, with the data.
        table: the same data, a heading and then the rows; empty for a plot without x and y.
    """

    name: str
    title: str
    specification: Mapping[str, Any]
    table: Sequence[Sequence[str]]

    @property
    def file(self) -> str:
        """Name of its picture."""
        return "".join(c if c.isalnum() or c in "-_." else "_" for c in self.name) + ".png"


@dataclass(frozen=True)
class Plots:
    """What DVC draws.

    Attributes:
        charts: with data.
        images: by path, by side.
        problems: what cannot be drawn, in words.
    """

    charts: list[Chart]
    images: Mapping[str, Mapping[str, bytes]]
    problems: list[str]


def read_plots(repository: Repository, commit: str, base: str, candidate: str) -> Plots:
    """All plots of the pipeline, as the workspace defines them.

    Args:
        repository: whose workspace is the candidate.
        commit: of the base.
        base: what the legends call it.
        candidate: what they call the workspace.
    """
    renderers, problems = repository.plots(commit, base, candidate)
    charts: list[Chart] = []
    images: dict[str, dict[str, bytes]] = {}
    for renderer in renderers:
        if renderer.TYPE == "image":
            for point in renderer.datapoints:
                data = base64.b64decode(point["src"].partition(",")[2])
                images.setdefault(point["filename"], {})[point["rev"]] = data
        elif renderer.datapoints:
            try:
                filled = dict(renderer.get_filled_template())
            except DvcRenderError as error:
                problems.append(f"{renderer.name}: {one_line(error)}")
                continue
            filled.pop("$schema", None)  # an older version of Vega-Lite would be a warning
            title = str(renderer.properties.get("title") or renderer.name)
            specification = recoloured(filled, [base, candidate])
            charts.append(Chart(renderer.name, title, specification, _table(renderer)))
    return Plots(charts, images, problems)


def recoloured(node: Any, sides: Sequence[str]) -> Any:
    """A specification in which each scale of revisions has the colours of the two sides."""
    if isinstance(node, Mapping):
        domain = node.get("domain")
        if isinstance(domain, list) and "range" in node and domain and {*domain} <= {*sides}:
            return {**node, "range": [COLOURS[sides.index(side)] for side in domain]}
        return {
            key: value if key == "data" else recoloured(value, sides) for key, value in node.items()
        }
    return [recoloured(item, sides) for item in node] if isinstance(node, list) else node


def _table(renderer: Any) -> list[list[str]]:
    """A column for each line, a row for each x; empty where a line has no value."""
    points, x = renderer.datapoints, renderer.properties.get("x")
    y = renderer.properties.get("y")
    if not x or not y or any(x not in point or y not in point for point in points):
        return []
    keys = [(p["rev"], str(p.get("filename", "")), str(p.get("field", y))) for p in points]
    lines = list(dict.fromkeys(keys))
    values = {(str(p[x]), key): p[y] for p, key in zip(points, keys, strict=True)}
    steps = list(dict.fromkeys(str(p[x]) for p in points))
    if len(steps) > MOST_ROWS or len(values) < len(points):
        return []
    names = [f"{rev}: {', '.join(filter(None, (Path(f).stem, y)))}" for rev, f, y in lines]
    heading = [str(x), *names]
    return [heading, *([s, *(_short(values.get((s, line), "")) for line in lines)] for s in steps)]


def _short(value: object) -> str:
    try:
        return f"{float(str(value)):.6g}"
    except ValueError:
        return str(value)
