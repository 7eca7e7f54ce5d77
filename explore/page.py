"""The page in one language: what its templates are given."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from experiment.data.known import label_of
from experiment.parameters import Parameters
from experiment.support.errors import InputError
from explore import charts
from explore.inside import look_inside
from explore.network import MASKS, packed, unpack
from explore.runs import COLUMNS, PLACES, Comparison, side
from explore.words import WORDS
from study.paths import CLAIMS
from study.statistics import Estimate, estimate

KNOBS = ("dataset", "dense_units", "train_samples", "placement", "dropout_rate")


def render(
    comparisons: Sequence[Comparison], params: Parameters, stored: dict[str, Any], language: str
) -> str:
    """The page as HTML.

    Args:
        comparisons: of the study; see `explore.runs.compare`.
        params: of the pipeline: what the page is about, where it names nothing else.
        stored: explore/network.json.
        language: of `explore.words.WORDS`.

    Raises:
        InputError: the study has not yet what the page is about.
    """
    words = WORDS[language]
    templates = environment(words, params.model.dense_units)
    chosen = choose(comparisons, params)
    start, guess = chosen["main"][0], chosen["guess"]
    figures = {
        "training": charts.curves(start, "loss", words),
        "validation": charts.curves(start, "val_loss", words),
        "sizes": charts.gains(chosen["sizes"], "train_samples", words),
        "rates": charts.gains(chosen["rates"], "dropout_rate", words),
        "guess": charts.guess(guess, words),
        "solution": charts.curves(guess, "val_loss", words),
        "knobs": charts.curves(start, "val_loss", words),
    }
    inside = look_inside(unpack(stored), words)
    data = {
        "words": words,
        "charts": {name: chart for name, chart in figures.items() if name != "solution"},
        "knobs": KNOBS,
        "start": comparisons.index(start),
        "guess": comparisons.index(guess),
        "comparisons": [numbers(c, words, templates.filters["title"](c)) for c in comparisons],
        "image": inside["image"],
        "masks": MASKS,
    }
    return templates.get_template("page.html").render(
        **chosen,
        comparisons=comparisons,
        words=words,
        language=language,
        charts=figures,
        columns=COLUMNS,
        total=len(
            {
                (setting, seed)
                for c in comparisons
                for setting in (c.setting, c.setting.without_dropout())
                for seed in c.without.metrics.index
            }
        ),
        rate=params.train.dropout_rate,
        seed=params.train.seed,
        claims=json.loads(CLAIMS.read_text(encoding="utf-8"))["claims"],
        knobs={name: knob_values(comparisons, name) for name in KNOBS},
        inside=inside,
        labels=stored["labels"],
        test=stored["test"],
        vega=vega(),
        network_json={key: value for key, value in stored.items() if key != "exact"},
        data=packed(json.dumps(data, separators=(",", ":")).encode()),
    )


def choose(comparisons: Sequence[Comparison], params: Parameters) -> dict[str, Any]:
    """What the story is told of: by name, a comparison or several."""
    rate, units = params.train.dropout_rate, params.model.dense_units
    most: dict[str, int] = {}
    for c in comparisons:
        name = c.setting.dataset
        most[name] = max(most.get(name, 0), c.setting.train_samples)

    def of(dataset: str, free: str = "") -> list[Comparison]:
        """Those that are as in the pipeline, but for a parameter that is free."""
        wanted = {"dataset": dataset, "dense_units": units, "train_samples": most[dataset],
                  "placement": "dense", "dropout_rate": rate}  # fmt: skip
        names = [name for name in wanted if name != free]
        return [c for c in comparisons if all(getattr(c.setting, n) == wanted[n] for n in names)]

    main = [c for dataset in most for c in of(dataset)]
    if not main:
        raise InputError(
            f"study/runs: expected two seeds or more with rate {rate} and without Dropout; found"
            " none; run `make study`"
        )
    first = main[0].setting.dataset
    sizes = sorted(of(first, "train_samples"), key=lambda c: c.setting.train_samples)
    rates, places = of(first, "dropout_rate"), of(first, "placement")
    return {
        "main": main,
        "guess": main[-1],
        "sizes": sizes,
        "rates": rates,
        "places": places,
        "best_size": max(sizes, key=lambda c: c.gain.mean),
        "best_rate": max(rates, key=lambda c: c.gain.mean),
        "good_rates": [c.setting.dropout_rate for c in rates if side(c.gain) == 1],
        "moved": moved(main[0], places),
    }


def moved(dense: Comparison, places: Sequence[Comparison]) -> dict[str, Estimate]:
    """By another place, its accuracy against that of the dense layer: seed by seed, in points."""
    changes = {
        c.setting.placement: 100 * (c.dropout.metrics - dense.dropout.metrics)["test_accuracy"]
        for c in places
        if c.setting.placement != "dense"
    }
    found = {place: change.dropna() for place, change in changes.items()}
    return {place: estimate(change) for place, change in found.items() if len(change) > 1}


def numbers(comparison: Comparison, words: dict[str, str], title: str) -> dict[str, Any]:
    """What the script draws and says of a choice."""
    sides = {"without": comparison.without, "with": comparison.dropout}
    accuracies = {name: runs.metrics["test_accuracy"] for name, runs in sides.items()}
    return {
        **{name: getattr(comparison.setting, name) for name in KNOBS},
        "title": title,
        "seeds": comparison.without.metrics.index.tolist(),
        "accuracy": {
            name: [f"{100 * value:.2f}" for value in values] for name, values in accuracies.items()
        },
        "pairs": comparison.pairs,
        "lines": {column: charts.lines(comparison, column, words) for column in COLUMNS},
    }


def knob_values(comparisons: Sequence[Comparison], name: str) -> list[Any]:
    """The values of a parameter, in the order of the knob."""
    values = list(dict.fromkeys(getattr(c.setting, name) for c in comparisons))
    if name == "placement":
        return sorted(values, key=PLACES.index)
    return values if name == "dataset" else sorted(values)


@cache
def vega() -> str:
    """Vega, Vega-Lite and Vega-Embed, packed: the script unpacks them."""
    return packed(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").encode())


def environment(words: dict[str, str], dense_units: int) -> Environment:
    """The templates, and how they write numbers; titles leave out the pipeline's `dense_units`."""

    def signed(value: float, digits: int) -> str:
        return f"{value:+.{digits}f}".replace("-", "−")

    def limits(found: Estimate, digits: int, plain: bool = False) -> str:
        low, high = (
            f"{value:.{digits}f}" if plain else signed(value, digits)
            for value in (found.low, found.high)
        )
        return words["limits"].format(low=low, high=high)

    def label(value: object) -> str:
        if isinstance(value, str):
            return words.get(value) or label_of(value)
        return f"{value:,}" if isinstance(value, int) else f"{value:g}"

    def title(c: Comparison) -> str:
        values = {name: label(getattr(c.setting, name)) for name in KNOBS}
        width = words["title_units"] if c.setting.dense_units != dense_units else ""
        return (words["title"] + width).format(**values)

    def judgement(found: Estimate, lower: bool = False) -> str:
        return ("undecided", "better", "worse")[-side(found) if lower else side(found)]

    templates = Environment(
        loader=PackageLoader("explore"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "change": lambda found, digits: f"{signed(found.mean, digits)} {limits(found, digits)}",
        "dataset": label_of,
        "judge": lambda found, lower=False: words[judgement(found, lower)],
        "judgement": judgement,
        "label": label,
        "limits": limits,
        "number": lambda value, digits: f"{value:.{digits}f}",
        "pairs": lambda c, kind=None: sum(kind in (None, k) for row in c.pairs for k in row),
        "percent": lambda value: f"{100 * value:.2f}\N{NO-BREAK SPACE}%",
        "picture": vl_convert.vegalite_to_svg,
        "side": side,
        "signed": signed,
        "title": title,
    }
    return templates
