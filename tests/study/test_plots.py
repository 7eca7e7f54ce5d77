"""The bands over seeds that `dvc plots show` and `dvc plots diff` draw for `study/dvc.yaml`."""

import json
import re
from typing import Any

import vl_convert
from dvc_render import VegaRenderer
from ruamel.yaml import YAML

from tests.conftest import ROOT

PLOTS = YAML(typ="safe").load((ROOT / "study/dvc.yaml").read_text(encoding="utf-8"))["plots"]

Row = dict[str, object]


def band(revision: str, rate: float, placement: str, dataset: str = "mnist") -> list[Row]:
    """As DVC reads them from a CSV file: text."""
    return [
        {
            "dataset": dataset, "placement": placement, "dropout_rate": str(rate), "rev": revision,
            "epoch": str(epoch), "val_loss": "0.5", "val_loss_low": "0.4", "val_loss_high": "0.7",
        }
        for epoch in (1, 2, 10)
    ]  # fmt: skip


def spec(rows: list[Row]) -> dict[str, Any]:
    [plot] = [plot["study_loss"] for plot in PLOTS if "study_loss" in plot]
    properties = {**plot, "y": "val_loss", "template_dir": str(ROOT / ".dvc/plots")}
    filled: dict[str, Any] = VegaRenderer(rows, "study_loss", **properties).get_filled_template()
    return filled


def shapes(svg: str, kind: str) -> list[str]:
    """Paths of bands (`area`) or of means (`line`), of each revision in each panel."""
    return re.findall(rf'aria-roledescription="{kind} mark" d="(M[^"]*L[^"]*)"', svg)


def test_bands_of_the_pipelines_networks_are_drawn_in_a_panel_each_and_can_be_hidden() -> None:
    networks = ((0.0, "none"), (0.5, "dense"))
    rows = [row for rev in ("new", "old") for n in networks for row in band(rev, *n)]
    others = band("new", 0.3, "dense") + band("new", 0.5, "both")
    others += band("new", 0.0, "none", "fashion_mnist")
    filled = spec(rows + others)
    assert filled["title"]["text"] == PLOTS[1]["study_loss"]["title"]
    svg = vl_convert.vegalite_to_svg(json.dumps(filled))
    for text in ("without Dropout", "with Dropout (rate 0.5)", ">new<", ">old<", ">10<"):
        assert text in svg
    assert len(shapes(svg, "area")) == len(shapes(svg, "line")) == 4
    # The first revision has the first colour, as in the pipeline's own curves.
    assert svg.index(">new<") < svg.index(">old<")
    assert 'stroke="#7f7f7f"' in svg
    assert filled["params"] == [{"name": "hidden", "value": []}]
    filled["params"][0]["value"] = ["new"]  # by the box of the page
    assert len(shapes(vl_convert.vegalite_to_svg(json.dumps(filled)), "line")) == 2


def test_every_plot_names_a_column_of_the_bands() -> None:
    assert [name for plot in PLOTS for name in plot] == ["study_accuracy", "study_loss"]
    for plot in PLOTS:
        for values in plot.values():
            assert values["template"] == "bands"
            [(path, [column])] = values["y"].items()
            assert path == "../plots/study_curves.csv"
            assert column in ("val_accuracy", "val_loss")
