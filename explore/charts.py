"""The page's charts in Vega-Lite: drawn here for readers without JavaScript, there by the script.

Colours of text and axes are the page's (page.css), which knows of light and dark.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import vl_convert

from experiment.presentation.style import COLOURS
from explore.runs import Comparison, Interval

Chart = dict[str, Any]
Words = Mapping[str, str]

GREY = "#7A7A7A"
CONFIG = {
    "aria": False,  # the figure around it has a text
    "mark": {"aria": False},
    "background": None,
    "font": "system-ui, sans-serif",
    "axis": {"labelFontSize": 13, "titleFontSize": 13, "titleFontWeight": "normal"},
    "legend": {
        "symbolType": "stroke",
        "symbolStrokeWidth": 3,
        "symbolOpacity": 1,
        "labelFontSize": 13,
        "orient": "top",
        "title": None,
        "labelLimit": 300,
        "columns": 2,  # fits a phone
    },
    "view": {"stroke": None},
}
FRAME = {
    "width": 440,
    "height": 260,
    "autosize": {"type": "fit", "contains": "padding"},
    "config": CONFIG,
}


def curves(comparison: Comparison, column: str, words: Words, **scale: Any) -> Chart:
    """Each run as a thin line, the means with their bands; epochs are whole.

    Args:
        comparison: what is compared.
        column: of the curves.
        words: of the language.
        scale: of the value.
    """
    epochs = len(comparison.without.bands[column])
    return {
        **FRAME,
        "data": {"name": "curves", "values": points(comparison, column, words)},
        "encoding": {
            "x": {
                "field": "epoch",
                "type": "quantitative",
                "title": words["epoch"],
                "scale": {"domain": [1, epochs], "nice": False},
                "axis": {"grid": False, "format": "d", "tickMinStep": 1, "tickCount": 8},
            },
            "y": {
                "field": "value",
                "type": "quantitative",
                "title": words[column],
                "scale": {"zero": False, **scale},
            },
            "color": {
                "field": "network",
                "type": "nominal",
                "scale": {
                    "domain": [words["without"], words["with"]],
                    "range": list(COLOURS.values()),
                },
            },
        },
        "layer": [
            {
                "transform": [{"filter": "datum.seed !== null"}],
                "mark": {"type": "line", "strokeWidth": 1, "opacity": 0.35},
                "encoding": {"detail": {"field": "seed"}},
            },
            {
                "transform": [{"filter": "datum.seed === null"}],
                "mark": {"type": "area", "opacity": 0.25},
                "encoding": {
                    "y": {"field": "low", "type": "quantitative"},
                    "y2": {"field": "high"},
                },
            },
            {
                "transform": [{"filter": "datum.seed === null"}],
                "mark": {"type": "line", "strokeWidth": 3},
            },
        ],
    }


def points(comparison: Comparison, column: str, words: Words) -> list[dict[str, Any]]:
    """A point for each run and epoch, and for each mean, whose seed is null."""
    found: list[dict[str, Any]] = []
    for name, setting in (("without", comparison.without), ("with", comparison.dropout)):
        network = words[name]
        for epoch, band in enumerate(setting.bands[column], start=1):
            found.append({"network": network, "epoch": epoch, "seed": None, **limits(band)})
        for seed, row in setting.curves[column].iterrows():
            found += [
                {"network": network, "epoch": int(epoch), "seed": int(seed), "value": short(value)}
                for epoch, value in row.items()
            ]
    return found


def gains(comparisons: Iterable[Comparison], parameter: str, words: Words) -> Chart:
    """What Dropout gains against the rate or the number of training images, with intervals."""
    values = [{"x": getattr(c.key, parameter), **limits(c.gain)} for c in comparisons]
    return {
        **FRAME,
        "data": {"values": values},
        "encoding": {
            "x": {
                "field": "x",
                "type": "ordinal",
                "title": words[parameter],
                "axis": {"labelAngle": 0, "format": "~g" if parameter == "dropout_rate" else ","},
            },
            "y": {
                "field": "value",
                "type": "quantitative",
                "title": words["gain"],
                "axis": {
                    "gridColor": {
                        "condition": {"test": "datum.value === 0", "value": GREY},
                        "value": "#DDDDDD",
                    }
                },
            },
        },
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 3, "color": COLOURS["dropout"]},
                "encoding": {
                    "y": {"field": "low", "type": "quantitative"},
                    "y2": {"field": "high"},
                },
            },
            {"mark": {"type": "point", "filled": True, "size": 90, "color": COLOURS["dropout"],
                      "opacity": 1}},
        ],
    }  # fmt: skip


def guess(comparison: Comparison, words: Words) -> Chart:
    """The curves without Dropout; those with it are a data set that the script fills."""
    top = max(band.high for band in comparison.without.bands["val_loss"])
    chart = curves(comparison, "val_loss", words, domain=[0, round(1.1 * top, 2)])
    chart["data"]["values"] = [
        p for p in chart["data"]["values"] if p["network"] == words["without"]
    ]
    scale = chart["encoding"]["color"]["scale"]
    scale["domain"], scale["range"] = [*scale["domain"], words["guess"]], [*scale["range"], GREY]
    line = {"type": "line", "strokeWidth": 3, "strokeDash": [6, 4]}
    chart["layer"].append({"data": {"name": "guess", "values": []}, "mark": line})
    return chart


def limits(interval: Interval) -> dict[str, float]:
    """A point of a chart."""
    return {
        "value": short(interval.mean), "low": short(interval.low), "high": short(interval.high)
    }  # fmt: skip


def short(value: float) -> float:
    """As precise as a chart can show."""
    return float(f"{value:.4g}")


def picture(chart: Chart) -> str:
    """The chart as SVG within a page."""
    return vl_convert.vegalite_to_svg(chart)
