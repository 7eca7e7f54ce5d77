"""The gate on results of several seeds, all of them made up."""

import json

import pytest

from gate.check import NO_WORSE, NOT_COMPARABLE, REGRESSION
from gate.presentation import as_json, as_markdown
from gate.seeds import Finding, SeedTest
from gate.terminal import show
from tests.gate.conftest import GATE, PIPELINE, Repository

ASKS = GATE.replace("blocks: true", "blocks: true, over_seeds: {absolute: 0.01}")
HEADING = "dataset,dropout_rate,seed,accuracy,loss\n"
WOBBLE = (0.001, -0.002, 0.003, 0.0, 0.002)


def runs(*accuracies: object, rate: float = 0.5, first: int = 0) -> str:
    rows = [f"mnist,{rate},{first + seed},{value},0.5\n" for seed, value in enumerate(accuracies)]
    other = f"fashion_mnist,{rate},0,0.1,0.5\n"
    return HEADING + "".join(rows) + other


def wobbling(mean: float) -> str:
    return runs(*(mean + wobble for wobble in WOBBLE))


SAME = runs(*[0.9] * 5)


def against(repository: Repository, before: str | None, after: str | None) -> Repository:
    repository.write("gate.yaml", ASKS)
    path = repository.folder / "metrics/study_runs.csv"
    for text in (before, after):
        if text is not None:
            repository.write("metrics/study_runs.csv", text)
        else:
            path.unlink(missing_ok=True)
        if text is before:
            repository.git("switch", "--quiet", "--force-create", "start")
            repository.commit()
    return repository


def only_test(repository: Repository) -> tuple[int, SeedTest]:
    found = repository.check("start")
    (test,) = found.seeds.tests
    return found.status, test


@pytest.mark.parametrize(
    ("after", "status", "finding"),
    [
        (wobbling(0.9), NO_WORSE, Finding.NO_WORSE),
        (wobbling(0.95), NO_WORSE, Finding.NO_WORSE),
        (wobbling(0.896), NO_WORSE, Finding.NO_WORSE),
        (wobbling(0.89), NOT_COMPARABLE, Finding.INCONCLUSIVE),
        (wobbling(0.8), REGRESSION, Finding.WORSE),
        (runs(*[0.91] * 4, 0.5), NOT_COMPARABLE, Finding.INCONCLUSIVE),
    ],
)
def test_finding_over_seeds(
    after: str, status: int, finding: Finding, repository: Repository
) -> None:
    found_status, test = only_test(against(repository, SAME, after))
    assert (found_status, test.finding) == (status, finding)
    assert test.pairs == 5
    assert test.low is not None
    assert test.high is not None
    assert test.worse_by is not None
    assert test.low <= test.worse_by <= test.high
    assert test.confidence == 1 - 2 / 32
    assert (test.finding is Finding.NO_WORSE) == (test.high < 0.01)


def test_every_seed_counts_and_every_metric_that_is_asked_for(repository: Repository) -> None:
    """Seven seeds, of which the last differs; two metrics files, of which the second differs."""
    more = """
  metrics/b.json:
    accuracy: {better: higher, margin: {absolute: 1}, blocks: false, over_seeds: {absolute: 0.01}}
seeds:"""
    gate = ASKS.replace("\nseeds:", more) + "    metrics/b.json: {dropout_rate: 0.25}\n"
    sides = []
    for last, other in ((0.9, 0.5), (0.2, 0.4)):
        rows = [f"mnist,0.5,{seed},{a},0.5\n" for seed, a in enumerate([*[0.9] * 6, last])]
        rows += [f"mnist,0.25,{seed},{other},0.5\n" for seed in range(5)]
        sides.append(HEADING + "".join(rows))
    against(repository, *sides)
    repository.write("gate.yaml", gate)
    repository.write("metrics/b.json", '{"accuracy": 1}')
    repository.write("dvc.yaml", PIPELINE.replace("metrics: [", "metrics: [metrics/b.json, "))
    one, two = repository.check("start").seeds.tests
    assert (one.file, one.pairs, round(one.worse_by or 0, 9)) == ("metrics/a.json", 7, 0.1)
    assert (two.file, two.pairs, round(two.worse_by or 0, 9)) == ("metrics/b.json", 5, 0.1)
    assert two.finding is Finding.INCONCLUSIVE  # 2 of 32 choices of signs are above the level


@pytest.mark.parametrize(
    ("before", "after", "worse_by", "finding"),
    [(0.2, 0.5, 0.3, Finding.WORSE), (0.5, 0.2, -0.3, Finding.NO_WORSE)],
)
def test_lower_can_be_better(
    before: float, after: float, worse_by: float, finding: Finding, repository: Repository
) -> None:
    sides = [SAME.replace(",0.5\n", f",{loss}\n") for loss in (before, after)]
    against(repository, *sides)
    rule = "margin: {absolute: 0.1}, blocks: false"
    repository.write("gate.yaml", GATE.replace(rule, f"{rule}, over_seeds: {{absolute: 0.1}}"))
    (test,) = repository.check("start").seeds.tests
    assert (test.key, round(test.worse_by or 0, 9), test.finding) == ("loss", worse_by, finding)


@pytest.mark.parametrize("seeds", [1, 4])
def test_too_few_seeds_are_inconclusive(seeds: int, repository: Repository) -> None:
    after = runs(*[0.95] * seeds)
    status, test = only_test(against(repository, SAME, after))
    assert (status, test.finding, test.pairs) == (NOT_COMPARABLE, Finding.INCONCLUSIVE, seeds)
    assert test.reason == f"expected 5 seeds or more on both sides; found {seeds}"


def test_other_seeds_are_no_pairs(repository: Repository) -> None:
    status, test = only_test(against(repository, SAME, runs(*[0.95] * 5, first=10)))
    assert (status, test.finding, test.pairs) == (NOT_COMPARABLE, Finding.INCONCLUSIVE, 0)


def test_level_that_the_seeds_cannot_reach_is_inconclusive(repository: Repository) -> None:
    against(repository, SAME, wobbling(0.95))
    repository.write("gate.yaml", ASKS.replace("level: 0.05", "level: 0.01"))
    status, test = only_test(repository)
    assert (status, test.finding, test.power) == (NOT_COMPARABLE, Finding.INCONCLUSIVE, 0)
    assert test.reason.startswith("5 seeds cannot tell: the smallest p-value of 5 pairs")


def test_metric_that_informs_does_not_refuse(repository: Repository) -> None:
    against(repository, SAME, wobbling(0.8))
    informs = ASKS.replace("blocks: true", "blocks: no").replace("blocks: false", "blocks: true")
    repository.write("gate.yaml", informs.replace("blocks: no", "blocks: false"))
    status, test = only_test(repository)
    assert (status, test.finding, test.refuses) == (NO_WORSE, Finding.WORSE, False)


def test_relative_margin_is_of_the_bases_mean(repository: Repository) -> None:
    against(repository, SAME, wobbling(0.9))
    repository.write("gate.yaml", ASKS.replace("over_seeds: {absolute", "over_seeds: {relative"))
    assert only_test(repository)[1].margin == pytest.approx(0.009)


@pytest.mark.parametrize(
    ("before", "after", "note"),
    [
        (SAME, SAME, "metrics/a.json: accuracy: the same on all 5 seeds of both sides"),
        (SAME, runs(*[0.9] * 7), "metrics/a.json: accuracy: the same on all 5 seeds of both sides"),
        (None, SAME, "metrics/study_runs.csv: the base has none"),
        (None, None, "metrics/study_runs.csv: the base has none"),
        (runs(*[0.9] * 5, rate=0.2), SAME, "the base has no such runs"),
    ],
)
def test_where_nothing_is_to_be_tested_it_is_said(
    before: str | None, after: str | None, note: str, repository: Repository
) -> None:
    found = against(repository, before, after).check("start")
    assert (found.status, found.seeds.tests) == (NO_WORSE, ())
    assert note in found.seeds.notes[0]


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (None, "deleted: the candidate has none; restore it"),
        ("", "expected rows as long as their heading"),
        (HEADING + "mnist,0.5\n", "expected rows as long as their heading"),
        ("a,b\n1,2\n", "expected rows as long as their heading, with a `seed`"),
        ("seed,accuracy\n0,0.9\n", "it has no dataset; mend that"),
        (SAME + "mnist,0.5,4,0.9,0.5\n", "expected each seed once; found '4' again"),
        ('"', "expected a CSV file"),
    ],
)
def test_broken_runs_cannot_be_compared(
    after: str | None, reason: str, repository: Repository
) -> None:
    found = against(repository, SAME, after).check("start")
    assert found.status == NOT_COMPARABLE
    assert reason in found.reasons[0]


@pytest.mark.parametrize("value", ["nan", "inf", "", "good"])
def test_runs_without_a_number_never_pass(value: str, repository: Repository) -> None:
    status, test = only_test(against(repository, SAME, runs(*[0.95] * 5, value)))
    assert (status, test.finding) == (NO_WORSE, Finding.NO_WORSE)  # that seed has no base
    broken = runs(*[0.95] * 4, value)
    for before in (SAME, broken):  # not even where the base's are as broken
        status, test = only_test(against(repository, before, broken))
        assert (status, test.finding) == (NOT_COMPARABLE, Finding.INCONCLUSIVE)


def test_gate_that_asks_for_no_seeds_tests_none(repository: Repository) -> None:
    against(repository, SAME, wobbling(0.5))
    repository.write("gate.yaml", GATE)
    assert repository.check("start").seeds.notes == ("gate.yaml asks for no test over seeds",)


def test_tests_over_seeds_are_shown_in_every_form(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    found = against(repository, SAME, wobbling(0.8)).check("start")
    (test,) = json.loads(as_json(found))["seeds"]["tests"]
    assert (test["finding"], test["pairs"]) == ("worse", 5)
    show(found)
    for text in (as_markdown(found), capsys.readouterr().out):
        assert "0.0992" in text  # the mean
        assert "0.097 to 0.102 (93.8%)" in text  # of five pairs, the ends are the extremes
