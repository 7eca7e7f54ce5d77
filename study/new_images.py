"""The gain for new images of the kind: an interval over seeds alone keeps the test images fixed."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from study.measurements import ALL, RATE, UNITS, Measurements
from study.statistics import Estimate, estimate, estimate_for_new_images
from study.store import Entry
from study.table import Setting, Table, setting_of

TEST_IMAGES, VALIDATION_IMAGES = 10_000, 12_000
LEAST_SEEDS = 5

FROM_ERRORS = "from the test images that each run gets wrong"
FROM_VALIDATION = "from how far the gains on test and validation images are apart"


def gain_for_new_images(
    entries: Iterable[Entry], table: Table, dataset: str
) -> tuple[Estimate, str] | None:
    """The gain in points, with an interval over seeds and images, and what that comes from.

    From the wrong test images of the runs that have noted them, if they are of enough seeds; else
    roughly, from the gains on test and on validation images. None without two seeds.
    """
    setting = Setting(dataset, "dense", RATE, ALL, UNITS)
    wrong: dict[Setting, dict[int, np.ndarray]] = defaultdict(dict)
    for entry in entries:
        if entry.test_errors is not None:
            wrong[setting_of(entry.run)][entry.run.seed] = marked(entry.test_errors)
    without, with_it = wrong[setting.without_dropout()], wrong[setting]
    seeds = without.keys() & with_it.keys()
    if len(seeds) >= LEAST_SEEDS:
        fewer = np.array([without[seed] - with_it[seed] for seed in sorted(seeds)])
        return estimate_for_new_images(100 * fewer), FROM_ERRORS
    measurements = Measurements(table)
    gains = measurements.change(dataset=dataset).dropna()
    apart = gains - measurements.change("validation_accuracy", dataset=dataset).dropna()
    return (rough(estimate(gains), estimate(apart)), FROM_VALIDATION) if len(gains) > 1 else None


def marked(errors: list[int]) -> np.ndarray:
    """1 for each test image that is classified wrongly, 0 for the others."""
    wrong = np.zeros(TEST_IMAGES)
    wrong[errors] = 1
    return wrong


def rough(gain: Estimate, apart: Estimate) -> Estimate:
    """The interval of a gain, widened by the sampling error of its images.

    Gains on test and on validation images are apart by their seeds and by their images; what the
    seeds do not explain is the images' share. One difference tells little, so this is rough.
    """
    share = max(0.0, apart.mean**2 - apart.sd**2 / apart.seeds)
    of_test = share / (1 / TEST_IMAGES + 1 / VALIDATION_IMAGES) / TEST_IMAGES
    half = np.hypot(gain.high - gain.mean, 1.96 * np.sqrt(of_test))
    return replace(gain, low=gain.mean - half, high=gain.mean + half)
