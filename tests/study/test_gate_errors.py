"""The simulation of the gate's errors, and what real runs give."""

import numpy as np
import pytest

from experiment.common.parameters import load_parameters
from study import gate_errors
from study.gate_errors import NOT_MEASURED, RULES, gated, multiples_of, refuses, simulate
from study.table import table_of
from tests.conftest import ROOT
from tests.study.made_up import entries

PARAMS = load_parameters(ROOT / "params.yaml")


def test_metrics_that_block_are_all_better_higher() -> None:
    found = entries(range(6))
    runs = gated(table_of(found), PARAMS)
    assert runs is not None
    metrics = found[2].metrics  # of the first setting, MNIST without Dropout, seed 2
    names = ("test_accuracy", "test_loss", "validation_accuracy", "validation_loss")
    expected = [metrics[name] * sign for name, sign in zip(names, (1, -1, 1, -1), strict=True)]
    assert runs.shape == (6, 8)
    assert runs[2, :4].tolist() == expected


def test_multiples_are_found_wherever_they_stand() -> None:
    content = {
        "a": {"margin": {"deviations": 5}},
        "b": [{"deviations": 2.5}, 3],
        "deviations": None,
    }
    assert multiples_of(content) == {5.0, 2.5}


def test_one_metric_against_the_t_distribution() -> None:
    """Of one metric, (base - candidate) / deviation has a known distribution, but for rule 1."""
    from scipy import stats

    for seeds in (5, 18):
        found = simulate(seeds, np.eye(1))
        assert [*found] == [*RULES]
        for rule, limit in ((RULES[1], 2**0.5), (RULES[2], 2 / (2 / seeds) ** 0.5)):
            worse, deviation = found[rule]
            share = (worse / deviation > 2).mean()
            expected = stats.t.sf(limit, seeds - 1)  # limit: 2 in errors of the difference
            assert share == pytest.approx(expected, abs=4 * (expected / len(worse)) ** 0.5)
        worse, _ = found[RULES[0]]
        assert worse.std() == pytest.approx(2**0.5, rel=0.03)


def test_correlated_metrics_refuse_together() -> None:
    alike, independent = (
        (simulate(10, correlation)[RULES[0]][0] > 3).any(axis=1).mean()
        for correlation in (np.ones((8, 8)), np.eye(8))
    )
    assert independent > 4 * alike


def test_smallest_loss_is_refused_in_four_of_five_cases() -> None:
    worse, deviation = simulate(10, np.eye(8))[RULES[1]]
    loss = gate_errors.smallest_loss(worse, deviation, 4.0, 3)
    worse[:, 3] += loss
    assert (worse > 4.0 * deviation).any(axis=1).mean() == pytest.approx(0.8, abs=0.001)


def test_real_run_is_judged_by_the_deviations_of_the_others() -> None:
    runs = np.array([[1.0], [2.0], [3.0], [-10.0]])  # deviation of the first three: 1
    assert refuses(runs, runs[0], 3, 10.9)
    assert not refuses(runs, runs[0], 3, 11.1)
    assert gate_errors.counted([True, False, False, False]) == ["4", "1", "25 % [1 to 81]"]


def test_too_few_seeds_are_not_measured() -> None:
    blocks = gate_errors.blocks(table_of(entries(range(4))), PARAMS)
    assert blocks == {"simulated": NOT_MEASURED, "real": NOT_MEASURED}
