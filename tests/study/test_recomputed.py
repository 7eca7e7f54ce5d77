"""A statistician's recomputation of docs/results.md and metrics/results.json.

From metrics/study_runs.csv, by plain pandas and SciPy; nothing of `study` is imported. Of the
committed runs, and of made-up ones, which reach the last look.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.conftest import ROOT

KEYS = ["dataset", "train_samples", "epochs", "dense_units", "placement", "dropout_rate"]
EPOCHS = {48_000: 20, 10_000: 30, 5_000: 40, 1_000: 80, 500: 100, 100: 100}
FRESH, FIRST_LOOK = range(10, 18), range(18, 26)
LOOKS = {8: 0.0003, 12: 0.0028, 16: 0.0084}
FEW, UNITS = (100, 500, 1000), (32, 128, 512, 1024)
PRIMARY = [f"P{n}" for n in range(1, 9)]
SEQUENTIAL = ["A1", "A2", "B1", "B2", "C1", "C2", "C3", "C4", "D1", "E1", "E2"]
MARGINS = dict.fromkeys([*PRIMARY, *SEQUENTIAL], 0.1)
MARGINS |= {"P2": 0.3, "A2": 0.3, "E2": 0.3, "D1": 0.05}
LABELS = {"MNIST": "mnist", "Fashion-MNIST": "fashion_mnist"}
LAST, LAST_FIVE, KEPT = "test_accuracy", "last_five_test_accuracy", "best_epoch_test_accuracy"
VALIDATION = "last_five_validation_accuracy"
FASHION: dict[str, Any] = {"data": "fashion_mnist"}


class Pages:
    """What a folder says of its runs, and its runs."""

    def __init__(self, folder: Path) -> None:
        self.page = (folder / "docs/results.md").read_text(encoding="utf-8")
        self.file = json.loads((folder / "metrics/results.json").read_text(encoding="utf-8"))
        self.runs = pd.read_csv(folder / "metrics/study_runs.csv")
        self.runs["train_samples"] = self.runs["train_samples"].fillna(48_000).astype(int)
        lines = (folder / "study/runs.jsonl").read_text(encoding="utf-8").splitlines()
        self.stored = [json.loads(line) for line in lines]

    def rows(self, block: str) -> list[list[str]]:
        text = self.page.split(f"<!-- study: {block} -->\n")[1].split("<!-- /study -->")[0]
        return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[2:]]

    def of(self, metric: str, seeds: Iterable[int] | None = None, **where: Any) -> pd.Series:
        chosen: dict[str, Any] = {
            "data": "mnist",
            "n": 48_000,
            "epochs": None,
            "units": 128,
            "place": "dense",
            "rate": 0.5,
        } | where
        chosen["epochs"] = chosen["epochs"] or EPOCHS[chosen["n"]]
        chosen["place"] = chosen["place"] if chosen["rate"] else "none"
        runs = self.runs[(self.runs[KEYS] == [*chosen.values()]).all(axis=1)]
        values = runs.set_index("seed")[metric].astype(float).dropna()
        values = values if seeds is None else values[values.index.isin([*seeds])]
        return 100 * values if "accuracy" in metric or "calibration" in metric else values

    def gain(self, metric: str, seeds: Iterable[int] | None = None, **where: Any) -> pd.Series:
        return self.of(metric, seeds, **where) - self.of(metric, seeds, **where | {"rate": 0})

    def slope(self, metric: str) -> pd.Series:
        gains = [self.gain(metric, n=5000, units=units) for units in UNITS]
        table = pd.concat(gains, axis=1).dropna()
        found = [stats.linregress(np.log2(UNITS), row).slope for row in table.to_numpy()]
        return pd.Series(found, index=table.index, dtype=float)

    def rates(self, metric: str, *which: float) -> pd.Series:
        return mean(self.of(metric, rate=rate) for rate in which)

    def rise(self, rate: float) -> pd.Series:
        last, best = (
            self.of(name, rate=rate) for name in ("validation_loss", "best_validation_loss")
        )
        return 100 * (last / best - 1)

    def log_left(self, n: int) -> pd.Series:
        return np.log((100 - self.of(LAST, n=n)) / (100 - self.of(LAST, n=n, rate=0)))

    def places_and_rates(self, metric: str) -> list[pd.Series]:
        middle = self.rates(metric, 0.3, 0.4, 0.5)
        return [
            self.of(metric) - self.of(metric, place="pooling"),
            self.of(metric) - self.of(metric, place="both"),
            middle - self.rates(metric, 0.1, 0.2),
            middle - self.rates(metric, 0.6, 0.7, 0.8),
        ]

    def contrasts(self) -> dict[str, pd.Series]:
        gain, of = self.gain, self.of
        p4, p5, p6, p7 = self.places_and_rates(LAST)
        b1, b2, c1, c2 = self.places_and_rates(LAST_FIVE)
        middle = self.rates(LAST_FIVE, 0.3, 0.4, 0.5)
        trained = "evaluated_training_loss"
        return {
            "P1": gain(LAST), "P2": gain(LAST, **FASHION),
            "P3": mean(gain(LAST, n=n) for n in FEW) - gain(LAST),
            "P4": p4, "P5": p5, "P6": p6, "P7": p7, "P8": gain(KEPT),
            "S1": of("last_five_training_accuracy", rate=0), "S2": self.rise(0),
            "S3": of("last_five_training_accuracy"), "S4": gain("evaluated_training_accuracy"),
            "S5": self.rise(0.5), "S6": of("best_validation_accuracy") - of(VALIDATION),
            "S7a": gain(VALIDATION), "S7b": gain(VALIDATION, **FASHION),
            "S8": gain(KEPT, **FASHION),
            "S9a": gain("validation_loss_rise"), "S9b": gain("validation_loss_rise", **FASHION),
            "S10a": gain("test_loss") - gain(trained),
            "S10b": gain("test_loss", **FASHION) - gain(trained, **FASHION),
            "S11": mean(self.log_left(n) for n in FEW) - self.log_left(48000),
            "S12": self.slope(LAST),
            "A1": gain(LAST_FIVE), "A2": gain(LAST_FIVE, **FASHION),
            "B1": b1, "B2": b2, "C1": c1, "C2": c2, "C3": middle - of(LAST_FIVE, rate=0.2),
            "C4": middle - of(LAST_FIVE, rate=0.6), "D1": self.slope(LAST_FIVE),
            "E1": of(LAST_FIVE) - of(KEPT, rate=0),
            "E2": of(LAST_FIVE, **FASHION) - of(KEPT, rate=0, **FASHION),
        }  # fmt: skip


@pytest.fixture(scope="module", params=["committed", "noisy"])
def pages(request: pytest.FixtureRequest) -> Pages:
    return Pages(ROOT if request.param == "committed" else request.getfixturevalue(request.param))


def mean(parts: Iterable[pd.Series]) -> pd.Series:
    return pd.concat(list(parts), axis=1).mean(axis=1, skipna=False)


def show(values: pd.Series, unit: str) -> str:
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    form = {"%": ".2f", "nats": "+.4f", "score": "+.4f"}.get(unit, "+.3f")
    text = f"{values.mean():{form}} [{low:{form}} to {high:{form}}]"
    return text.replace("-", "−")


def show_p(p: float) -> str:
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"


def flip(values: pd.Series) -> str:
    signs = np.array(np.meshgrid(*[[1, -1]] * len(values))).reshape(len(values), -1)
    means = np.abs(values.to_numpy() @ signs)
    return show_p((means >= abs(values.sum()) - 1e-9).mean())


def within(values: pd.Series, level: float, margin: float) -> bool:
    low, high = stats.ttest_1samp(values, 0).confidence_interval(level)
    return bool(-margin < low and high < margin)


def test_protocol_1(pages: Pages) -> None:
    """Eight seeds; the primary contrasts corrected together by Holm's method, by hand."""
    found = {name: values.dropna() for name, values in pages.contrasts().items()}
    fresh = {name: values[values.index.isin(FRESH)] for name, values in found.items()}
    p = {name: stats.ttest_1samp(fresh[name], 0).pvalue for name in PRIMARY}
    corrected, largest = {}, 0.0
    for rank, name in enumerate(sorted(p, key=lambda name: p[name])):
        corrected[name] = largest = max(largest, min(1, (8 - rank) * p[name]))
    for name, _, _, interval, *ps, verdict in pages.rows("primary"):
        values = fresh[name]
        assert len(values) == len(FRESH)
        assert interval == show(values, "points")
        assert ps == [show_p(p[name]), show_p(corrected[name]), flip(values)]
        side = "supported" if values.mean() > 0 else "contradicted"
        other = "equivalent" if within(values, 0.95, MARGINS[name]) else "undecided"
        assert verdict == f"**{side if corrected[name] < 0.05 else other}**"
    assert [row[0] for row in pages.rows("primary")] == PRIMARY
    for name, _, _, unit, limit, interval, verdict in pages.rows("secondary"):
        low, high = stats.ttest_1samp(fresh[name], 0).confidence_interval(0.95)
        side, at = limit.split() if limit else ("", "0")
        place = "above" if low > float(at) else "below" if high < float(at) else "open"
        words = {side: "supported", "open": "undecided"} if side else {place: place}
        assert interval == show(fresh[name], unit)
        assert verdict == f"**{words.get(place, 'contradicted')}**"
    assert {row[0] for row in pages.rows("secondary")} == {n for n in found if n[0] == "S"}


def claim_of(name: str) -> str:
    return "plateau" if name in ("C3", "C4") else name[0]


def decide(name: str, values: pd.Series) -> tuple[str, int, int]:
    """The verdict on a contrast of protocol 2, its seeds, and those there of the next look."""
    for seeds, level in LOOKS.items():
        there = values[values.index.isin(range(18, 18 + seeds))]
        if len(there) < seeds:
            return "not yet", max((n for n in LOOKS if n < seeds), default=0), len(there)
        if name in ("C3", "C4") and seeds < 16:
            continue
        if stats.ttest_1samp(there, 0).pvalue < level:
            return ("supported" if there.mean() > 0 else "contradicted"), seeds, seeds
    return ("equivalent" if within(there, 1 - 0.0084, MARGINS[name]) else "undecided"), 16, 16


def test_protocol_2(pages: Pages) -> None:
    """Looks at 8, 12 and 16 seeds with their levels; the first that decides does."""
    contrasts = pages.contrasts()
    verdicts: dict[str, str] = {}
    for name, claim, _, seeds, interval, p, needed, verdict in pages.rows("sequential"):
        # A look at a claim waits for the runs of all its contrasts.
        parts = {n: contrasts[n] for n in SEQUENTIAL if claim_of(n) == claim_of(name)}
        values = pd.concat(parts, axis=1, join="inner").dropna()[name]
        word, used, there = decide(name, values)
        first = verdicts.get("B1")
        if name == "B2" and first != "supported":
            word = "not yet" if first == "not yet" else "not tested"
        verdicts[name] = word
        planned = next((n for n in LOOKS if n > used), 16)
        suffix = f" ({there} of {planned} seeds)" if there < planned else ""
        assert verdict == (f"not yet{suffix}" if word == "not yet" else f"**{word}**"), name
        unit = "points per doubling" if name == "D1" else "points"
        used_values = values[values.index.isin(range(18, 18 + used))]
        assert interval == (show(used_values, unit) if used else ""), name
        expected = (
            [show_p(stats.ttest_1samp(used_values, 0).pvalue), f"below {LOOKS[used]:g}"]
            if used
            else ["", ""]
        )
        assert [p, needed] == expected
        assert seeds == str(used or there)
        assert claim == claim_of(name)
        found = pages.file["contrasts"][name]
        assert (found["verdict"], found["level"]) == (word, LOOKS.get(used))
        if used:
            assert found["mean"] == pytest.approx(used_values.mean())
    assert [*verdicts] == [name for name in contrasts if name[0] in "ABCDE"]


def test_claims(pages: Pages) -> None:
    verdicts = {name: each["verdict"] for name, each in pages.file["contrasts"].items()}
    for name, _, protocol, decided_by, verdict in pages.rows("claims"):
        ids = decided_by.split(" and ")
        found = {verdicts[i] for i in ids}
        if name == "plateau":
            turned = {"equivalent": "supported", "supported": "contradicted"}
            found = {turned.get(word, word) for word in found}
        expected = next((v for v in ("contradicted", "not yet") if v in found), "undecided")
        assert verdict == (found.pop() if len(found) == 1 else expected), name
        assert protocol == ("2" if ids[0][0] in "ABCDE" else "1")
        assert pages.file["claims"][name]["verdict"] == verdict


def test_answers(pages: Pages) -> None:
    """Protocol 2 answers from its first look on, protocol 1 before; the mark says how sure."""
    contrasts, answers = pages.file["contrasts"], pages.file["answers"]
    second = {"help": "A", "how_much": "A", "which_rate": "C", "where_placed": "B",
              "early_stopping": "E"}  # fmt: skip
    first = {"help": "P1 P2", "how_much": "P1 P2", "which_rate": "P6 P7", "where_placed": "P4 P5",
             "early_stopping": "P8 S8", "larger_network": "S12", "where_most": "P3"}  # fmt: skip
    for question, old in first.items():
        new = [f"{second[question]}{n}" for n in (1, 2)] if question in second else []
        new = ["D1"] if question == "larger_network" else new
        ids = new if new and all("mean" in contrasts[i] for i in new) else old.split()
        answer = answers[question]
        assert answer["rests_on"] == ids
        for i in ids:
            assert answer["figures"][i].items() <= contrasts[i].items()
        decided = {"supported", "contradicted", "equivalent"}
        found = {contrasts[i]["verdict"] for i in ids}
        sure = (len(found) == 1 and found <= decided) or "contradicted" in found
        clear = all(contrasts[i]["low"] > 0 or contrasts[i]["high"] < 0 for i in ids)
        assert answer["mark"] == ("sure" if sure else "likely" if clear else "not shown")
    for n in (48_000, 1_000):
        a, b = pages.of(LAST, n=n, rate=0), pages.of(LAST, n=n)
        common = a.index.intersection(b.index)
        # A seed chooses the images where not all are used: other seeds are other data.
        compared = [(s, t) for s in common for t in common if n == 48_000 or s == t]
        assert answers["one_run"]["figures"][str(n)] == {
            "misleading": sum(a[s] > b[t] for s, t in compared),
            "pairs": len(compared),
        }
    sessions = pd.read_csv(ROOT / "metrics/study_inference.csv")
    ratio = sessions["with_layer"] / sessions["without_layer"]
    low, high = stats.ttest_1samp(ratio, 0).confidence_interval(0.95)
    cost = answers["cost_in_use"]["figures"]
    assert (cost["mean"], cost["low"], cost["high"]) == pytest.approx((ratio.mean(), low, high))
    assert answers["how_sure"]["figures"]["runs"] == len(pages.runs)


def test_secondary_measures_of_protocol_2(pages: Pages) -> None:
    """Over the seeds of the first look, once all are there."""
    wanted = [
        ("rates", [f"{rate:g}"], LAST_FIVE, "points", {"n": 1_000, "rate": rate})
        for rate in np.arange(1, 9) / 10
    ]
    wanted += [
        ("sizes", [f"{n:,}", str(epochs)], LAST_FIVE, "points", {"n": n, "epochs": epochs})
        for n, epochs in ((100, 625), (500, 156), (1_000, 78), (5_000, 16))
    ]
    wanted += [
        ("calibration", [f"{label}: {text}"], metric, unit, {"data": data})
        for metric, text, unit in (
            ("test_calibration_error", "expected calibration error, %", "points"),
            ("test_brier", "Brier score", "score"),
        )
        for label, data in LABELS.items()
    ]
    expected: dict[str, list[list[str]]] = {"rates": [], "sizes": [], "calibration": []}
    for block, first, metric, unit, where in wanted:
        a, b = (
            pages.of(metric, FIRST_LOOK, **where | {"rate": 0}),
            pages.of(metric, FIRST_LOOK, **where),
        )
        if len(a) == len(b) == len(FIRST_LOOK):
            digits = 4 if unit == "score" else 3
            means = [f"{values.mean():.{digits}f}" for values in (a, b)]
            expected[block].append([*first, "8", *means, show(b - a, unit)])
    assert {block: pages.rows(block) for block in expected} == expected


def test_settings(pages: Pages) -> None:
    """Over the seeds that both sides have, so that the columns subtract."""
    found = pages.rows("settings")
    dropped = pages.runs.query("placement != 'none'")
    assert len(found) == (dropped.groupby(KEYS).size() > 1).sum()
    for data, n, epochs, units, place, rate, *cells, left in found:
        where: dict[str, Any] = {"data": LABELS[data], "n": int(n.replace(",", ""))}
        where |= {"epochs": int(epochs), "units": int(units)}
        b = pages.of(LAST, rate=float(rate), place=place.removesuffix(" layer"), **where)
        a = pages.of(LAST, rate=0, **where)
        common = b.index.intersection(a.index)
        a, b = a[common], b[common]
        expected = [str(len(common)), f"{a.mean():.3f}", f"{b.mean():.3f}", show(b - a, "points")]
        assert cells == expected
        assert left == f"{100 * (100 - b.mean()) / (100 - a.mean()):.0f}"


def test_changes_and_noise(pages: Pages) -> None:
    metrics = {
        "accuracy on test images, %": (LAST, "points"),
        "loss on test images": ("test_loss", "nats"),
        "rise of the validation loss": ("validation_loss_rise", "nats"),
    }
    for text, *cells, new in pages.rows("changes"):
        label, _, name = text.partition(": ")
        metric, unit = metrics[name]
        b, a = pages.of(metric, data=LABELS[label]), pages.of(metric, rate=0, data=LABELS[label])
        common = b.index.intersection(a.index)
        digits = 3 if metric == LAST else 4
        means = [f"{values[common].mean():.{digits}f}" for values in (a, b)]
        assert cells == [str(len(common)), *means, show((b - a)[common], unit)]
        assert new == (for_new_images(pages, LABELS[label]) if metric == LAST else "")
    for name, rate in (("no_dropout", 0), ("dropout", 0.5)):
        values = pages.of(LAST, rate=rate)
        assert pages.file["noise"][name][LAST] == pytest.approx(values.std(ddof=1))


def for_new_images(pages: Pages, data: str) -> str:
    wrong: dict[tuple[float, int], np.ndarray] = {}
    for content in pages.stored:
        run, errors = content["run"], content["test_errors"]
        main = (run["dataset"], run["train_samples"], run["dense_units"], run["epochs"])
        if (
            main == (data, 48000, 128, 20)
            and errors is not None
            and run["placement"] in ("none", "dense")
        ):
            marks = np.isin(np.arange(10_000), errors)
            wrong[run["dropout_rate"], run["seed"]] = 100.0 * marks
    seeds = [s for rate, s in wrong if rate == 0 and (0.5, s) in wrong]
    d = np.array([wrong[0.0, s] - wrong[0.5, s] for s in seeds])
    n, m = d.shape
    centre, by_seed, by_image = d.mean(), d.mean(axis=1), d.mean(axis=0)
    a, b = m * by_seed.var(ddof=1), n * by_image.var(ddof=1)
    rest = ((d**2).sum() - m * (by_seed**2).sum() - n * (by_image**2).sum()) + n * m * centre**2
    c = rest / (n - 1) / (m - 1)
    total = max(a + b - c, a)
    freedom = total**2 / (a**2 / (n - 1) + b**2 / (m - 1) + c**2 / ((n - 1) * (m - 1)))
    half = stats.t.ppf(0.975, freedom) * (total / n / m) ** 0.5
    return f"[{centre - half:+.3f} to {centre + half:+.3f}], {n} seeds".replace("-", "−")


def test_runs(pages: Pages) -> None:
    """Sorted, with the metrics of the store and means over the last five epochs."""
    names = [
        name
        for name in pages.runs
        if name in {**pages.stored[0]["run"], **pages.stored[0]["settings"]}
    ]
    assert pages.runs.equals(pages.runs.sort_values([*pages.runs.columns[:15]], ignore_index=True))
    rows = {tuple(row[name] for name in names): row for row in pages.runs.to_dict("records")}
    assert len(rows) == len(pages.stored) == len(pages.runs)
    for content in pages.stored:
        row = rows[tuple({**content["run"], **content["settings"]}[name] for name in names)]
        columns = {"training_accuracy": "accuracy", "validation_accuracy": "val_accuracy",
                   "validation_loss": "val_loss"}  # fmt: skip
        expected = content["metrics"] | {
            f"last_five_{name}": np.mean(content["curve"][column][-5:])
            for name, column in columns.items()
        }
        found = {name: row[name] for name in expected}
        assert found == pytest.approx(expected)
