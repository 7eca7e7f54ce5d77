"""The gain for new images of the kind: an interval over seeds alone keeps the test images fixed."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from study.statistics import Estimate, estimate_for_new_images
from study.store import Entry
from study.table import Setting, setting_of

TEST_IMAGES = 10_000
LEAST_SEEDS = 5


def gain_for_new_images(entries: Iterable[Entry], setting: Setting) -> Estimate | None:
    """The gain of a setting in points, with an interval over seeds and test images.

    None where fewer than `LEAST_SEEDS` seeds have noted which images they get wrong.
    """
    wrong: dict[Setting, dict[int, np.ndarray]] = defaultdict(dict)
    for entry in entries:
        if entry.test_errors is not None:
            marks = np.isin(np.arange(TEST_IMAGES), entry.test_errors)
            wrong[setting_of(entry.run)][entry.run.seed] = 100.0 * marks
    without, with_it = wrong[setting.without_dropout()], wrong[setting]
    seeds = sorted(without.keys() & with_it.keys())
    if len(seeds) < LEAST_SEEDS:
        return None
    return estimate_for_new_images(np.array([without[seed] - with_it[seed] for seed in seeds]))
