"""The claims' rules, on made-up runs in which it is known what holds."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from study.claims import CLAIMS
from study.inference import Inference
from study.judging import ClaimResult, judge_all, verdict_of
from study.sections import claims_section
from study.statistics import Estimate
from study.table import Table
from tests.study.textbook import FEW, HOW, rows

RATIOS = pd.Series([1.0, 1.01, 0.99, 1.02])
INFERENCE: Inference = (1e-12, RATIOS)


def verdicts(table: pd.DataFrame, inference: Inference | None = INFERENCE) -> dict[str, str]:
    return {found.id: found.verdict for found in judge_all(Table(table), inference, HOW)}


def judged(table: pd.DataFrame, claim: str) -> ClaimResult:
    return next(found for found in judge_all(Table(table), INFERENCE, HOW) if found.id == claim)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.11, 0.2, "supported"),
        (0.0, 0.09, "contradicted"),
        (0.05, 0.2, "undecided"),
        (0.1, 0.2, "undecided"),  # the limit itself is within it
        (0.0, 0.1, "contradicted"),  # above is above
    ],
)
def test_verdict_is_by_the_whole_interval(low: float, high: float, expected: str) -> None:
    figure = Estimate((low + high) / 2, 0.1, low, high)
    assert verdict_of(figure, above=0.1, below=None) == expected
    mirrored = Estimate(-figure.mean, 0.1, -high, -low)
    assert verdict_of(mirrored, above=None, below=-0.1) == expected


def test_rule_without_a_limit_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="expected a limit"):
        verdict_of(Estimate(0, 0, 0, 0), above=None, below=None)
    for claim in CLAIMS:
        assert all((part.above is None) != (part.below is None) for part in claim.parts), claim.id


def test_every_claim_is_supported_where_all_is_as_the_textbook_says() -> None:
    assert verdicts(rows()) == {f"C{n}": "supported" for n in range(1, 10)}


def change(
    column: str, value: Callable[[pd.Series], object], **where: object
) -> Callable[[pd.DataFrame], None]:
    """Sets a column in the rows that have these values."""

    def apply(table: pd.DataFrame) -> None:
        chosen = pd.Series(True, index=table.index)
        for name, wanted in where.items():
            chosen &= table[name].isin(wanted if isinstance(wanted, tuple) else (wanted,))
        assert chosen.any()
        table.loc[chosen, column] = value(table.loc[chosen, column])

    return apply


def swing(values: pd.Series) -> object:
    """As much noise, from seed to seed, as drowns each effect here."""
    return values + np.resize([0.2, -0.2, 0.19, -0.19, 0.0], len(values))


MNIST: dict[str, object] = {"dataset": "mnist", "train_samples": 48_000}
DENSE = MNIST | {"placement": "dense", "dropout_rate": 0.5}
NONE = MNIST | {"placement": "none"}

CHANGES = {
    "C1": change("training_accuracy", lambda v: v - 0.01, **NONE),
    "C2": change("validation_loss", lambda v: v / 1.75, **NONE),
    "C3": change("training_accuracy", lambda v: v + 0.008, **DENSE),
    "C4": change("validation_loss", lambda v: v * 1.3, **DENSE),
    "C5": change("test_accuracy", lambda v: v - 0.01, **DENSE | {"dataset": "fashion_mnist"}),
    "C6": change("test_accuracy", lambda v: v - 0.02, **DENSE | {"train_samples": (100, 500, FEW)}),
    "C7": change("test_accuracy", lambda v: v + 0.01, **MNIST | {"placement": "both"}),
    "C8": change("test_accuracy", lambda v: v + 0.01, **DENSE | {"dropout_rate": (0.1, 0.2)}),
}


@pytest.mark.parametrize("claim", CHANGES)
def test_claim_is_contradicted_where_it_does_not_hold_and_the_others_stand(claim: str) -> None:
    table = rows()
    CHANGES[claim](table)
    expected = {f"C{n}": "supported" for n in range(1, 10)} | {claim: "contradicted"}
    assert verdicts(table) == expected


@pytest.mark.parametrize(
    ("claim", "column", "where"),
    [
        ("C1", "training_accuracy", NONE),
        ("C2", "validation_loss", NONE),
        ("C3", "training_accuracy", DENSE),
        ("C4", "best_validation_accuracy", DENSE),
        ("C5", "test_accuracy", DENSE | {"dataset": "fashion_mnist"}),
        ("C6", "test_accuracy", DENSE | {"train_samples": 500}),
        ("C7", "test_accuracy", MNIST | {"placement": "pooling"}),
        ("C8", "test_accuracy", DENSE | {"dropout_rate": 0.7}),
    ],
)
def test_claim_is_undecided_where_the_seeds_disagree(
    claim: str, column: str, where: dict[str, object]
) -> None:
    table = rows()
    change(column, swing, **where)(table)
    assert verdicts(table)[claim] == "undecided"


@pytest.mark.parametrize(
    ("inference", "expected"),
    [
        ((1e-3, RATIOS), "contradicted"),
        ((0.0, RATIOS + 0.2), "contradicted"),
        ((0.0, pd.Series([0.8, 1.3, 0.9, 1.3])), "undecided"),
        (None, "not measured"),
    ],
)
def test_inference_is_judged_by_predictions_and_by_time(
    inference: Inference | None, expected: str
) -> None:
    assert verdicts(rows(), inference)["C9"] == expected


def test_claim_is_not_measured_where_the_grid_lacks_its_runs() -> None:
    table = rows()
    table = table[(table["dataset"] == "mnist") & (table["placement"] != "both")]
    found = verdicts(table)
    assert (found["C5"], found["C7"]) == ("not measured", "not measured")
    assert found["C6"] == found["C8"] == "supported"
    only_one = verdicts(table[table["seed"] == 0])
    assert set(only_one.values()) == {"not measured", "supported"}
    assert [claim for claim, verdict in only_one.items() if verdict == "supported"] == ["C9"]


def test_contradicted_part_decides_also_where_another_is_not_measured() -> None:
    table = rows()
    CHANGES["C7"](table)
    assert verdicts(table[table["placement"] != "pooling"])["C7"] == "contradicted"


def test_figures_are_paired_by_seed_and_averaged_by_hand() -> None:
    table = rows()
    few = judged(table, "C6").parts[0].figure
    assert few
    # The gains: five times 0.004 with few images, 0.004 with all.
    assert few.mean == pytest.approx(0.016)
    assert few.sd == pytest.approx(0, abs=1e-12)  # the noise is the seed's: paired, it cancels
    low, high = (part.figure for part in judged(table, "C8").parts)
    assert low
    assert high
    middle = (0.004 + 0.0045 + 0.004) / 3
    assert low.mean == pytest.approx(middle - 0.0015, abs=2e-5)
    assert high.mean == pytest.approx(middle - 0.001 / 3, abs=2e-5)


def test_table_of_claims_says_rule_figure_and_verdict() -> None:
    text = claims_section(judge_all(Table(rows()), None, HOW), HOW)
    lines = text.splitlines()
    assert (
        lines[0] == "| claim | rule, written before the runs | measured [95 % interval] | verdict |"
    )
    assert len(lines) == 2 + len(CLAIMS)
    assert all(line.count("|") == 5 for line in lines)
    for claim, line in zip(CLAIMS, lines[2:], strict=True):
        assert line.startswith(f"| **{claim.id}** {claim.text} | {claim.rule} | ")
    assert lines[7].endswith(
        "gain with few images minus gain with all: 0.0160 [0.0160, 0.0160] | **supported** |"
    )
    assert lines[10].count("not measured") == 3
