"""How often the 95 % intervals hold what they are of.

Simulated with normal values, and with the study's own residuals: what runs are apart from the mean
of their setting, in its standard deviations, drawn again at random around a mean that is known.
"""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import pandas as pd

from experiment.support.markdown import table as markdown
from study.contrasts import PRIMARY
from study.measurements import Measurements
from study.statistics import crossed_error, half_width
from study.table import Table

SEEDS = (5, 8, 10, 18)
REPEATS = 20_000
LEAST = 20  # residuals
EXPECTED = (94.0, 96.0)  # what is outside is set in bold

IMAGES = 10_000
# Standard deviations of the gain over seeds and images together, as the study has them; and over
# images alone, from none to as much as the rest.
OF_SEEDS, OF_REST, OF_IMAGES = 0.0015, 0.1, (0.0, 0.03, 0.1)


def block(table: Table, repeats: int = REPEATS) -> str:
    """Coverage by quantity and number of seeds, in percent."""
    header = ["quantity", "values drawn", *(f"{n} seeds" for n in SEEDS)]
    rows = [["any", "normal", *(shown(covered(None, n, repeats)) for n in SEEDS)]]
    for name, series in quantities(table).items():
        pool = residuals(series)
        if len(pool) >= LEAST:
            cells = (shown(covered(pool, n, repeats)) for n in SEEDS)
            rows.append([name, f"{len(pool)} residuals", *cells])
    for image in OF_IMAGES:
        name = f"gain for new images, which differ by {100 * image:g} points"
        cells = (shown(covered_for_new_images(image, n, repeats)) for n in SEEDS)
        rows.append([name, "normal", *cells])
    return markdown(header, rows)


def shown(percent: float) -> str:
    """Bold where it is not about 95."""
    return f"{percent:.1f}" if EXPECTED[0] <= percent <= EXPECTED[1] else f"**{percent:.1f}**"


def quantities(table: Table) -> dict[str, list[pd.Series]]:
    """By kind of quantity on the pages, its values in each setting, by seed."""
    kinds: dict[str, list[pd.Series]] = defaultdict(list)
    for setting in table.settings():
        runs = table.of(setting)
        kinds["accuracy of a setting"].append(runs["test_accuracy"])
        kinds["loss of a setting"].append(runs["validation_loss"])
        kinds["training accuracy, the last five"].append(runs["last_five_training_accuracy"])
        rise = runs["validation_loss"] / runs["best_validation_loss"]
        kinds["relative rise of the validation loss"].append(rise)
        if setting.placement != "none":
            without, with_it = table.pair(setting)
            gain = with_it - without
            kinds["gain"].append(gain["test_accuracy"])
            kinds["difference of the rise"].append(gain["validation_loss_rise"])
            left = (1 - with_it["test_accuracy"]) / (1 - without["test_accuracy"])
            kinds["log of the errors left"].append(np.log(left))
    measurements = Measurements(table)
    kinds["contrast of several settings"] = [c.values(measurements) for c in PRIMARY[2:]]
    return kinds


def residuals(series: Iterable[pd.Series]) -> np.ndarray:
    """Of all series, in units of their standard deviations, with mean 0.

    Residuals of few values are too small by sqrt((n - 1) / n), which is undone.
    """
    parts = [np.zeros(0)]
    for values in (s.dropna().to_numpy(dtype=float) for s in series):
        if len(values) >= min(SEEDS) and values.std() > 0:
            n = len(values)
            parts.append((values - values.mean()) / values.std(ddof=1) * np.sqrt(n / (n - 1)))
    pool = np.concatenate(parts)
    return pool - pool.mean() if len(pool) else pool


def covered(pool: np.ndarray | None, seeds: int, repeats: int) -> float:
    """Percentage of t intervals that hold the true mean, 0; of normal values without a pool."""
    random = np.random.default_rng(seeds)
    shape = (repeats, seeds)
    drawn = random.standard_normal(shape) if pool is None else random.choice(pool, shape)
    half = half_width(drawn.std(axis=1, ddof=1) / np.sqrt(seeds), seeds - 1)
    return 100 * float((np.abs(drawn.mean(axis=1)) <= half).mean())


def covered_for_new_images(of_images: float, seeds: int, repeats: int) -> float:
    """The same of the interval over seeds and images, by the distributions of its mean squares."""
    seed, image, rest = OF_SEEDS**2, of_images**2, OF_REST**2
    random = np.random.default_rng(seeds)
    squares = [
        expected * random.chisquare(freedom, repeats) / freedom
        for expected, freedom in (
            (rest + IMAGES * seed, seeds - 1),
            (rest + seeds * image, IMAGES - 1),
            (rest, (seeds - 1) * (IMAGES - 1)),
        )
    ]
    true = seed / seeds + image / IMAGES + rest / (seeds * IMAGES)
    error, freedom = crossed_error(*squares, seeds=seeds, images=IMAGES)
    half = half_width(error, freedom)
    return 100 * float((np.abs(random.normal(0, np.sqrt(true), repeats)) <= half).mean())
