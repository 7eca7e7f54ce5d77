"""The simulation of the gate's errors, and what real runs give."""

import json

import numpy as np
import pytest
from scipy import stats

from experiment.parameters import load_parameters
from gate.comparison import margin_of
from gate.noninferiority import MOST_PAIRS
from gate.runs import compare_runs, noise_of
from gate.settings import Margin, load_settings
from study import gate_errors
from study.gate_errors import MEAN, MEANS, METRICS, NOT_MEASURED, ONE, RULES, SEEDS, simulate
from study.table import table_of
from tests.conftest import ROOT
from tests.study.made_up import entries

PARAMS = load_parameters(ROOT / "params.yaml")


def test_metrics_that_block_are_all_better_higher() -> None:
    found = entries(range(6))
    runs = gate_errors.gated(table_of(found), PARAMS)
    assert runs is not None
    metrics = found[2].metrics  # of the first setting, MNIST without Dropout, seed 2
    expected = [metrics[name] * sign for name, sign in METRICS.items()]
    assert [*METRICS.values()] == [1 if "accuracy" in name else -1 for name in METRICS]
    assert runs.shape == (6, 8)
    assert runs[2, :4].tolist() == expected


def test_multiples_are_found_wherever_they_stand() -> None:
    content = {"a": {"deviations": 5}, "b": [{"deviations": 2.5}, 3], "deviations": None, "c": "d"}
    assert gate_errors.multiples_of(content, "deviations") == {5.0, 2.5}


@pytest.mark.parametrize("correlation", [np.eye(1), np.ones((8, 8))], ids=["one", "eight alike"])
@pytest.mark.parametrize("seeds", SEEDS)
def test_one_metric_against_the_t_distribution(seeds: int, correlation: np.ndarray) -> None:
    """Against the mean, the difference in its own errors has a known distribution."""
    runs = simulate(seeds, correlation)
    share = (RULES[MEAN][0](*runs).critical() > 2).mean()
    expected = stats.t.sf(2**0.5, seeds - 1)
    assert share == pytest.approx(expected, abs=4 * (expected / len(runs[0])) ** 0.5)
    assert RULES[ONE][0](*runs).worse.std() == pytest.approx(2**0.5, rel=0.03)


@pytest.mark.parametrize("seeds", SEEDS)
def test_one_run_is_allowed_what_the_gate_allows(seeds: int) -> None:
    study, candidate = simulate(seeds, np.eye(1))
    deviation = float(study[0].std(ddof=1))
    for rule, runs in ((ONE, 1), (MEAN, seeds)):
        allowed, _ = margin_of(Margin(deviations=3), None, deviation, "", base_runs=runs)
        assert 3 * RULES[rule][0](study, candidate).unit[0, 0] == pytest.approx(allowed, rel=1e-5)


@pytest.mark.parametrize(("seeds", "comparisons"), [(5, 40), (10, 12), (18, 8)])
def test_means_are_judged_as_by_the_gate_and_its_settings(seeds: int, comparisons: int) -> None:
    settings = load_settings((ROOT / "gate.yaml").read_text(encoding="utf-8"))
    assert settings.runs
    assert (settings.runs.level, MOST_PAIRS) == (gate_errors.LEVEL, gate_errors.MOST_PAIRS)
    files = ("metrics/no_dropout.json", "metrics/dropout.json")
    names = [(file, key) for file in files for key in METRICS]
    more = json.loads((ROOT / files[0]).read_text(encoding="utf-8"))
    rules = settings.rules({(file, key) for file in files for key in more})
    [multiple] = {rules[name].over_runs.standard_errors for name in names if rules[name].over_runs}  # type: ignore[union-attr]
    study, candidate = (part[:comparisons] for part in simulate(seeds, np.eye(8)))
    candidate = candidate - np.random.default_rng(0).uniform(
        0, 10 / seeds**0.5, (comparisons, 1, 8)
    )

    def sides(runs: np.ndarray) -> dict[str, dict[int, dict[str, float]]]:
        found: dict[str, dict[int, dict[str, float]]] = {}
        for column, (file, key) in enumerate(names):
            for seed, value in enumerate(runs[:, column]):
                found.setdefault(file, {}).setdefault(seed, {})[key] = float(value)
        return found

    refused = []
    for one, other in zip(study, candidate, strict=True):
        base, after = sides(one), sides(other)
        tests = compare_runs(settings.runs, rules, base, after, noise_of(base, after))
        refused.append(any(test.refuses for test in tests))
    assert 1 < sum(refused) < comparisons - 1
    assert (RULES[MEANS][0](study, candidate).critical() > multiple).tolist() == refused


@pytest.mark.parametrize("rule", RULES)
def test_smallest_loss_is_refused_in_four_of_five_cases(rule: str) -> None:
    study, candidate = (part[:2_000] for part in simulate(10, 0.3 + 0.7 * np.eye(8)))
    judged = RULES[rule][0]
    for column, metric in ((0, 0), (1, 4)) if rule == MEANS else ((0, 0), (4, 4)):
        loss = judged(study, candidate).smallest_loss(4.0, column)
        worse = candidate.copy()
        worse[..., metric] -= loss
        share = (judged(study, worse).critical() > 4.0).mean()
        assert share == pytest.approx(0.8, abs=0.002)


def test_real_runs_are_judged_by_the_deviations_of_the_others() -> None:
    runs = np.random.default_rng(0).normal(size=(11, 8))
    found = {rule: compared for rule, _, compared in gate_errors.comparisons(runs)}
    assert [*found] == [*RULES]
    study, candidate = found[ONE]
    assert candidate.tolist() == [[runs[n].tolist()] for n in range(1, 11, 2)]
    assert study[:, 0].tolist() == runs[:10:2].tolist()
    for rule, seeds in ((ONE, range(1, 11, 2)), (MEAN, range(11))):
        for own, other, seed in zip(*found[rule], seeds, strict=True):
            assert other.tolist() == [runs[seed].tolist()]
            assert sorted(own.tolist()) == sorted(np.delete(runs, seed, axis=0).tolist())
    study, candidate = found[MEANS]
    assert study.shape == candidate.shape == (gate_errors.SPLITS, 5, 8)
    for halves in zip(study, candidate, strict=True):
        assert len({*np.concatenate(halves)[:, 0]} & {*runs[:, 0]}) == 10
    assert [rule for rule, *_ in gate_errors.comparisons(runs[:9])] == [ONE, MEAN]
    assert gate_errors.counted([True, False, False, False], independent=True) == [
        "4",
        "1",
        "25 % [1 to 81]",
    ]
    assert gate_errors.counted([True, False], independent=False) == ["2", "1", "50 %"]


def test_too_few_seeds_are_not_measured() -> None:
    blocks = gate_errors.blocks(table_of(entries(range(4))), PARAMS)
    assert blocks == {"simulated": NOT_MEASURED, "real": NOT_MEASURED}
