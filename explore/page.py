"""The page in one language: what its template is given."""

import base64
import io
import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import matplotlib.image
import numpy as np
import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from experiment.common.errors import InputError
from experiment.common.parameters import Parameters
from experiment.data.known import label_of
from explore import charts, network
from explore.network import Network
from explore.runs import COLUMNS, PLACES, Comparison, Interval, Key, Setting, pair
from explore.words import CLAIMS, WORDS
from study.paths import CLAIMS as CLAIMS_FILE

JUDGED = {1: "better", 0: "undecided", -1: "worse"}
PAIR_KINDS = {1: "right", 0: "equal", -1: "wrong"}


def render(
    comparisons: Sequence[Comparison], params: Parameters, stored: dict[str, Any], language: str
) -> str:
    """The page as HTML.

    Args:
        comparisons: of the study; see `explore.runs.read_comparisons`.
        params: of the pipeline: what the page is about, where it names nothing else.
        stored: explore/network.json.
        language: of `explore.words.LANGUAGES`.

    Raises:
        InputError: the study has not yet what the page is about.
    """
    words, templates = WORDS[language], environment(language)
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
    texts = [
        {
            "verdict": templates.get_template(f"verdict.{language}.html").render(c=c).strip(),
            "pairs": templates.get_template(f"pairs.{language}.html").render(c=c).strip(),
        }
        for c in comparisons
    ]
    inside = look_inside(network.unpack(stored), words)
    begin = list(comparisons).index(start)
    return templates.get_template(f"{language}.html").render(
        **chosen,
        comparisons=comparisons,
        words=words,
        language=language,
        charts=figures,
        columns=COLUMNS,
        total=len({(s.key, seed) for s in _settings(comparisons) for seed in s.runs.index}),
        rate=params.train.dropout_rate,
        seed=params.train.seed,
        claims=read_claims(language),
        knob_values=knob_values(comparisons, templates),
        start={"c": start, **texts[begin]},
        inside=inside,
        images=stored["labels"],
        test=stored["test"],
        masks=network.MASKS,
        vega=vega(),
        network={k: v for k, v in stored.items() if k != "exact"},
        data=packed(
            {
                "words": words,
                "charts": {k: v for k, v in figures.items() if k != "solution"},
                "columns": COLUMNS,
                "knobs": Key._fields,
                "start": begin,
                "guess": list(comparisons).index(guess),
                **numbers(comparisons, templates, texts),
                "image": inside["image"],
                "masks": network.MASKS,
            }
        ),
    )


def choose(comparisons: Sequence[Comparison], params: Parameters) -> dict[str, Any]:
    """What the story is told of: by name, a comparison or several."""
    rate, units = params.train.dropout_rate, params.model.dense_units
    all_images = {c.key.dataset: 0 for c in comparisons}
    for c in comparisons:
        all_images[c.key.dataset] = max(all_images[c.key.dataset], c.key.train_samples)

    def of(dataset: str, **wanted: object) -> list[Comparison]:
        """Those with these values; what is not named is as in the pipeline. None: any value."""
        values = {
            "dataset": dataset,
            "dense_units": units,
            "train_samples": all_images[dataset],
            "placement": "dense",
            "dropout_rate": rate,
        } | wanted
        names = [name for name, value in values.items() if value is not None]
        return [c for c in comparisons if all(getattr(c.key, n) == values[n] for n in names)]

    main = [c for dataset in all_images for c in of(dataset)]
    if not main:
        raise InputError(
            f"metrics/study_runs.csv: expected two seeds or more with rate {rate} and without"
            " Dropout; found none; run `make study`"
        )
    first = main[0].key.dataset
    sizes = sorted(of(first, train_samples=None), key=lambda c: c.key.train_samples)
    rates, places = of(first, dropout_rate=None), of(first, placement=None)
    return {
        "main": main,
        "guess": main[-1],
        "sizes": sizes,
        "rates": rates,
        "places": places,
        "best_size": max(sizes, key=lambda c: c.gain.mean),
        "best_rate": max(rates, key=lambda c: c.gain.mean),
        # Another place against the dense layer, instead of against no Dropout.
        "moved": {
            c.key.placement: moved
            for c in places
            if c.key.placement != "dense"
            for moved in pair(main[0].dropout, c.dropout)
        },
    }


def numbers(
    comparisons: Sequence[Comparison], templates: Environment, texts: list[dict[str, str]]
) -> dict[str, Any]:
    """What the script draws and says for each choice; settings are shared by comparisons."""
    settings = _settings(comparisons)
    places = {_name(setting): place for place, setting in enumerate(settings)}
    return {
        "settings": [
            {
                "seeds": setting.runs.index.tolist(),
                "accuracy": [f"{100 * a:.2f}" for a in setting.runs["test_accuracy"]],
                "runs": {
                    name: [[charts.short(v) for v in row] for row in curve.to_numpy()]
                    for name, curve in setting.curves.items()
                },
                "bands": {
                    name: [list(charts.limits(band).values()) for band in bands]
                    for name, bands in setting.bands.items()
                },
            }
            for setting in settings
        ],
        "comparisons": [
            {
                **c.key._asdict(),
                **text,
                "without": places[_name(c.without)],
                "with": places[_name(c.dropout)],
                "title": templates.filters["title"](c),
                "better": [[PAIR_KINDS[b * (c.pairs.truth or 1)] for b in row] for row in
                           c.pairs.better],
            }
            for c, text in zip(comparisons, texts, strict=True)
        ],
    }  # fmt: skip


def _settings(comparisons: Sequence[Comparison]) -> list[Setting]:
    """Each once: several comparisons can have the same runs without Dropout."""
    return list({_name(s): s for c in comparisons for s in (c.without, c.dropout)}.values())


def _name(setting: Setting) -> tuple[Key, tuple[int, ...]]:
    return setting.key, tuple(setting.runs.index)


def knob_values(
    comparisons: Sequence[Comparison], templates: Environment
) -> dict[str, list[tuple[object, str]]]:
    """By parameter, its values with their labels."""
    found = {}
    for name in Key._fields:
        values = list(dict.fromkeys(getattr(c.key, name) for c in comparisons))
        if name != "dataset":
            values.sort(key=PLACES.index if name == "placement" else None)
        found[name] = [(value, templates.filters["label"](value)) for value in values]
    return found


def look_inside(trained: Network, words: dict[str, str]) -> dict[str, Any]:
    """One image with one mask and 200, as the page shows it first."""
    random = np.random.default_rng(0)
    units, labels = trained.units(trained.images), trained.labels
    masks = [trained.mask(random) for _ in range(network.MASKS)]
    each = np.stack([trained.probabilities(trained.masked(units, kept)) for kept in masks])
    full = trained.probabilities(units)
    mean = each.mean(axis=0)
    right = full.argmax(axis=1) == labels
    # The image on which single masks disagree most, of those that all units get right.
    image = int(np.argmin(np.where(right, mean[np.arange(len(labels)), labels], 2)))
    votes = np.bincount(each[:, image].argmax(axis=1), minlength=full.shape[1])
    shown = (full[image], each[0, image], mean[image])
    full_says, one_says, mean_says = (int(p.argmax()) for p in shown)
    full_p, one_p, mean_p = (f"{100 * p.max():.1f}" for p in shown)
    level = units[image] / units[image].max()
    dropped = np.flatnonzero(~masks[0]).tolist()
    return {
        "image": image,
        "label": labels[image],
        "picture": png(trained.images[image]),
        "units": [f"{value:.2f}" for value in level],
        "dropped": dropped,
        "per_row": 16,
        "rows": [
            [*(f"{100 * p[digit]:.1f}" for p in shown), int(votes[digit])]
            for digit in range(len(votes))
        ],
        "says": words["says"].format(
            full=full_says, one=one_says, mean=mean_says, full_p=full_p, one_p=one_p,
            mean_p=mean_p, dropped=len(dropped), units=len(level), votes=votes[mean_says],
        ),
    }  # fmt: skip


def png(image: np.ndarray) -> str:
    """A `uint8 (h, w)` image as an address of data."""
    file = io.BytesIO()
    without: dict[str, Any] = {"Software": None}  # matplotlib's version
    matplotlib.image.imsave(file, image, cmap="gray", metadata=without)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def read_claims(language: str) -> list[tuple[str, str]]:
    """Claims that the page has words for, with the study's verdict."""
    judged = json.loads(CLAIMS_FILE.read_text(encoding="utf-8"))
    place = list(WORDS).index(language)
    return [
        (texts[place], WORDS[language][judged[name]["verdict"]])
        for name, texts in CLAIMS.items()
        if name in judged
    ]


def packed(content: dict[str, Any]) -> str:
    """What the script unpacks."""
    return network.packed(json.dumps(content, separators=(",", ":")).encode())


@cache
def vega() -> str:
    """Vega, Vega-Lite and Vega-Embed, packed: the script unpacks them."""
    return network.packed(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").encode())


def environment(language: str) -> Environment:
    """The templates, and how they write numbers."""
    words = WORDS[language]
    to = {"en": "to", "ja": "〜"}[language]

    def signed(value: float, digits: int) -> str:
        return f"{value:+.{digits}f}".replace("-", "−")

    def change(i: Interval, digits: int) -> str:
        return f"{signed(i.mean, digits)} {limits(i, digits)}"

    def limits(i: Interval, digits: int, plain: bool = False) -> str:
        write = (lambda value, digits: f"{value:.{digits}f}") if plain else signed
        return f"[{write(i.low, digits)} {to} {write(i.high, digits)}]"

    def label(value: object) -> str:
        if isinstance(value, str):
            return words.get(value) or label_of(value)
        return f"{value:,}" if isinstance(value, int) else f"{value:g}"

    def title(c: Comparison) -> str:
        dataset, units, samples, place, rate = (label(value) for value in c.key)
        text = words["title"].format(dataset=dataset, samples=samples, rate=rate, place=place)
        many = c.key.dense_units != 128
        return text + (words["title_units"].format(units=units) if many else "")

    def judgement(i: Interval, lower: bool = False) -> str:
        return JUDGED[-i.sign if lower else i.sign]

    found = Environment(
        loader=PackageLoader("explore"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= {
        "change": change,
        "limits": limits,
        "signed": signed,
        "percent": lambda value: f"{100 * value:.2f}\N{NO-BREAK SPACE}%",
        "number": lambda value, digits: f"{value:.{digits}f}",
        "thousands": lambda value: f"{value:,}",
        "dataset": label_of,
        "label": label,
        "title": title,
        "judgement": judgement,
        "judge": lambda i, lower=False: words[judgement(i, lower)],
        "kind": lambda pairs, better: PAIR_KINDS[better * (pairs.truth or 1)],
        "picture": charts.picture,
    }
    return found
