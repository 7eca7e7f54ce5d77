"""The page's charts in Vega-Lite: drawn here for readers without JavaScript, there by the script.

Colours of text and axes are the page's (page.css), which knows of light and dark.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from experiment.style import COLOURS
from explore.runs import Comparison

Chart = dict[str, Any]
Words = Mapping[str, str]

GREY = "#7A7A7A"
FRAME = {
    "width": 440,
    "height": 260,
    "autosize": {"type": "fit", "contains": "padding"},
    "config": {
        "aria": False,  # the figure around it has a text
        "mark": {"aria": False},
        "background": None,
        "font": "system-ui, sans-serif",
        "axis": {"labelFontSize": 13, "titleFontSize": 13, "titleFontWeight": "normal"},
        "legend": {
            "symbolType": "stroke", "symbolStrokeWidth": 3, "symbolOpacity": 1,
            "labelFontSize": 13, "labelLimit": 300, "orient": "top", "title": None,
            "columns": 2,  # fits a phone
        },
        "view": {"stroke": None},
    },
}  # fmt: skip
INTERVAL = {"y": {"field": "low", "type": "quantitative"}, "y2": {"field": "high"}}


def lines(comparison: Comparison, column: str, words: Words) -> list[dict[str, Any]]:
    """The data of `curves`: a row per run, and one per mean, whose seed is null.

    Each has a list of epochs and of values; means also those of their intervals.
    """
    found = []
    for name, runs in (("without", comparison.without), ("with", comparison.dropout)):
        seeds, curve = runs.metrics.index.tolist(), runs.curves[column]
        whose = {"network": words[name], "epoch": list(range(1, curve.shape[1] + 1))}
        band = {name: short(values) for name, values in runs.band(column).items()}
        found.append({**whose, "seed": None, **band})
        found += [
            {**whose, "seed": seed, "value": short(values)}
            for seed, values in zip(seeds, curve, strict=True)
        ]
    return found


def curves(comparison: Comparison, column: str, words: Words) -> Chart:
    """Each run as a thin line, the means with their bands; epochs are whole.

    Args:
        comparison: what is compared.
        column: of the curves.
        words: of the language.
    """
    rows = lines(comparison, column, words)
    whole = {"grid": False, "format": "d", "tickMinStep": 1, "tickCount": 8}
    labels = {"domain": [words["without"], words["with"]], "range": list(COLOURS.values())}
    run = [{"filter": "datum.seed !== null"}, {"flatten": ["epoch", "value"]}]
    mean = [{"filter": "datum.seed === null"}, {"flatten": ["epoch", "value", "low", "high"]}]
    return {
        **FRAME,
        "data": {"name": "curves", "values": rows},
        "encoding": {
            "x": {
                "field": "epoch", "type": "quantitative", "title": words["epoch"], "axis": whole,
                "scale": {"domain": [1, len(rows[0]["epoch"])], "nice": False},
            },
            "y": {
                "field": "value", "type": "quantitative", "title": words[column],
                "scale": {"zero": False},
            },
            "color": {"field": "network", "type": "nominal", "scale": labels},
        },
        "layer": [
            {
                "transform": run,
                "mark": {"type": "line", "strokeWidth": 1, "opacity": 0.35},
                "encoding": {"detail": {"field": "seed"}},
            },
            {"transform": mean, "mark": {"type": "area", "opacity": 0.25}, "encoding": INTERVAL},
            {"transform": mean, "mark": {"type": "line", "strokeWidth": 3}},
        ],
    }  # fmt: skip


def guess(comparison: Comparison, words: Words) -> Chart:
    """The curves without Dropout; those with it, and the guess, are filled in by the script."""
    chart = curves(comparison, "val_loss", words)
    without = [row for row in chart["data"]["values"] if row["network"] == words["without"]]
    chart["data"]["values"] = without
    y, colour = chart["encoding"]["y"], chart["encoding"]["color"]
    y["scale"]["domain"] = [0, round(1.1 * max(without[0]["high"]), 2)]
    colour["scale"]["domain"].append(words["guess"])
    colour["scale"]["range"].append(GREY)
    line = {"type": "line", "strokeWidth": 3, "strokeDash": [6, 4]}
    chart["layer"].append({"data": {"name": "guess", "values": []}, "mark": line})
    return chart


def gains(comparisons: Iterable[Comparison], parameter: str, words: Words) -> Chart:
    """What Dropout gains against the rate or the number of training images, with intervals."""
    gained = [(getattr(c.setting, parameter), c.gain) for c in comparisons]
    values = [
        dict(zip(("x", "value", "low", "high"), (x, *short([g.mean, g.low, g.high])), strict=True))
        for x, g in gained
    ]
    labels = {"labelAngle": 0, "format": "~g" if parameter == "dropout_rate" else ","}
    at_0 = {"condition": {"test": "datum.value === 0", "value": GREY}, "value": "#DDDDDD"}
    mark = {"color": COLOURS["dropout"], "opacity": 1}
    return {
        **FRAME,
        "data": {"values": values},
        "encoding": {
            "x": {"field": "x", "type": "ordinal", "title": words[parameter], "axis": labels},
            "y": {
                "field": "value", "type": "quantitative", "title": words["gain"],
                "axis": {"gridColor": at_0},
            },
        },
        "layer": [
            {"mark": {"type": "rule", "strokeWidth": 3, **mark}, "encoding": INTERVAL},
            {"mark": {"type": "point", "filled": True, "size": 90, **mark}},
        ],
    }  # fmt: skip


def short(values: Iterable[float]) -> list[float]:
    """As precise as a chart can show."""
    return [float(f"{value:.4g}") for value in values]
