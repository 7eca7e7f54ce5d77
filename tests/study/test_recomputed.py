"""A statistician's recomputation of docs/results.md and metrics/results.json.

From metrics/study_runs.csv, by plain pandas and SciPy; nothing of `study` is imported. Of the
committed runs, and of made-up ones of protocol 2, which reach the last look.
"""

import json
import re
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
MARGINS = {"P2": 0.3, "A2": 0.3, "E2": 0.3, "D1": 0.05}  # of the others 0.1
LABELS = {"MNIST": "mnist", "Fashion-MNIST": "fashion_mnist"}
LAST, LAST_FIVE, KEPT = "test_accuracy", "last_five_test_accuracy", "best_epoch_test_accuracy"
VALIDATION = "last_five_validation_accuracy"
FASHION: dict[str, Any] = {"data": "fashion_mnist"}
POINTS, NATS = "+.3f", "+.4f"
MAIN = {"data": "mnist", "n": 48_000, "epochs": None, "units": 128, "place": "dense", "rate": 0.5}


def is_share(metric: str) -> bool:
    return "accuracy" in metric or "calibration" in metric


def mean(parts: Iterable[pd.Series]) -> pd.Series:
    return pd.concat(list(parts), axis=1).mean(axis=1, skipna=False)


class Pages:
    """What a folder says of its runs, and its runs."""

    def __init__(self, folder: Path) -> None:
        self.page = (folder / "docs/results.md").read_text(encoding="utf-8")
        self.file = json.loads((folder / "metrics/results.json").read_text(encoding="utf-8"))
        self.runs = pd.read_csv(folder / "metrics/study_runs.csv")
        self.runs["train_samples"] = self.runs["train_samples"].fillna(48_000).astype(int)
        lines = (folder / "study/runs.jsonl").read_text(encoding="utf-8").splitlines()
        self.stored = [json.loads(line) for line in lines]

    def block(self, name: str) -> list[list[str]]:
        text = self.page.split(f"<!-- study: {name} -->\n")[1].split("<!-- /study -->")[0]
        return split_rows(text.splitlines()[2:])

    def of(self, metric: str, **where: Any) -> pd.Series:
        """By seed; the main setting but for what is said."""
        chosen: dict[str, Any] = MAIN | where
        chosen["epochs"] = chosen["epochs"] or EPOCHS[chosen["n"]]
        chosen["place"] = chosen["place"] if chosen["rate"] else "none"
        runs = self.runs[(self.runs[KEYS] == [*chosen.values()]).all(axis=1)]
        values = runs.set_index("seed")[metric].astype(float).dropna()
        return 100 * values if is_share(metric) else values

    def both(self, metric: str, **where: Any) -> pd.DataFrame:
        """Without Dropout and with it, of the seeds that both have."""
        sides = {"a": self.of(metric, **where | {"rate": 0}), "b": self.of(metric, **where)}
        return pd.concat(sides, axis=1, join="inner")

    def gain(self, metric: str, **where: Any) -> pd.Series:
        pair = self.both(metric, **where)
        return pair["b"] - pair["a"]

    def rise(self, rate: float) -> pd.Series:
        last = self.of("validation_loss", rate=rate)
        return 100 * (last / self.of("best_validation_loss", rate=rate) - 1)

    def log_left(self, n: int) -> pd.Series:
        pair = 100 - self.both(LAST, n=n)
        return np.log(pair["b"] / pair["a"])

    def second_protocol(self, accuracy: str) -> dict[str, pd.Series]:
        gain, of = self.gain, self.of
        gains = [gain(accuracy, n=5000, units=units) for units in UNITS]
        table = pd.concat(gains, axis=1).dropna()
        slopes = [stats.linregress(np.log2(UNITS), row).slope for row in table.to_numpy()]
        middle = mean(of(accuracy, rate=rate) for rate in (0.3, 0.4, 0.5))
        return {
            "A1": gain(accuracy), "A2": gain(accuracy, **FASHION),
            "B1": of(accuracy) - of(accuracy, place="pooling"),
            "B2": of(accuracy) - of(accuracy, place="both"),
            "C1": middle - mean(of(accuracy, rate=rate) for rate in (0.1, 0.2)),
            "C2": middle - mean(of(accuracy, rate=rate) for rate in (0.6, 0.7, 0.8)),
            "C3": middle - of(accuracy, rate=0.2), "C4": middle - of(accuracy, rate=0.6),
            "D1": pd.Series(slopes, index=table.index, dtype=float),
            "E1": of(accuracy) - of(KEPT, rate=0),
            "E2": of(accuracy, **FASHION) - of(KEPT, rate=0, **FASHION),
        }  # fmt: skip

    def first_protocol(self) -> dict[str, pd.Series]:
        gain, of, trained = self.gain, self.of, "evaluated_training_loss"
        second = self.second_protocol(LAST)
        found = {
            "P1": second["A1"], "P2": second["A2"],
            "P3": mean(gain(LAST, n=n) for n in FEW) - gain(LAST),
            "P4": second["B1"], "P5": second["B2"], "P6": second["C1"], "P7": second["C2"],
            "P8": gain(KEPT),
            "S1": of("last_five_training_accuracy", rate=0), "S2": self.rise(0),
            "S3": of("last_five_training_accuracy"), "S4": gain("evaluated_training_accuracy"),
            "S5": self.rise(0.5), "S6": of("best_validation_accuracy") - of(VALIDATION),
            "S7a": gain(VALIDATION), "S7b": gain(VALIDATION, **FASHION),
            "S8": gain(KEPT, **FASHION),
            "S9a": gain("validation_loss_rise"), "S9b": gain("validation_loss_rise", **FASHION),
            "S10a": gain("test_loss") - gain(trained),
            "S10b": gain("test_loss", **FASHION) - gain(trained, **FASHION),
            "S11": mean(self.log_left(n) for n in FEW) - self.log_left(48000),
            "S12": second["D1"],
        }  # fmt: skip
        return {name: values.dropna().reindex(FRESH) for name, values in found.items()}


@pytest.fixture(scope="module", params=["committed", "noisy"])
def pages(request: pytest.FixtureRequest) -> Pages:
    return Pages(ROOT if request.param == "committed" else request.getfixturevalue(request.param))


def split_rows(lines: Iterable[str]) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def interval(values: pd.Series, level: float = 0.95) -> tuple[float, float]:
    low, high = stats.ttest_1samp(values, 0).confidence_interval(level)
    return float(low), float(high)


def show(values: pd.Series, form: str = POINTS) -> str:
    low, high = interval(values)
    return f"{values.mean():{form}} [{low:{form}} to {high:{form}}]".replace("-", "−")


def show_pair(pair: pd.DataFrame, metric: str) -> list[str]:
    form = POINTS if is_share(metric) else NATS
    means = [f"{values.mean():{form[1:]}}" for values in (pair["a"], pair["b"])]
    return [str(len(pair)), *means, show(pair["b"] - pair["a"], form)]


def show_p(p: float) -> str:
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"


def is_small(values: pd.Series, level: float, name: str) -> bool:
    low, high = interval(values, level)
    return -MARGINS.get(name, 0.1) < low and high < MARGINS.get(name, 0.1)


def test_protocol_1() -> None:
    """Eight seeds; the primary contrasts corrected together by Holm's method, by hand."""
    pages = Pages(ROOT)
    contrasts = pages.first_protocol()
    p = {name: float(stats.ttest_1samp(each, 0).pvalue) for name, each in contrasts.items()}
    primary = sorted((name for name in p if name[0] == "P"), key=lambda name: p[name])
    products = [min(1, p[name] * (8 - rank)) for rank, name in enumerate(primary)]
    corrected = dict(zip(primary, np.maximum.accumulate(products), strict=True))
    rows = split_rows(re.findall(r"^\| [PS]\d+[ab]? \|.*", pages.page, re.MULTILINE))
    assert [row[0] for row in rows] == [*contrasts]
    for name, claim, text, *cells in rows:
        values, found = contrasts[name], pages.file["contrasts"][name]
        low, high = interval(values)
        if name in corrected:
            side = "supported" if values.mean() > 0 else "contradicted"
            other = "equivalent" if is_small(values, 0.95, name) else "undecided"
            verdict = side if corrected[name] < 0.05 else other
            how = {"permutation_type": "samples", "n_resamples": np.inf}
            flipped = stats.permutation_test([values], np.mean, **how).pvalue  # of signs
            shown = [show(values), *map(show_p, (p[name], corrected[name], flipped))]
            assert found["p_corrected"] == pytest.approx(corrected[name])
        else:
            unit, limit, *_ = cells
            side, at = limit.split() if limit else ("", "0")
            place = "above" if low > float(at) else "below" if high < float(at) else "open"
            words = {side: "supported", "open": "undecided"} if side else {place: place}
            verdict = words.get(place, "contradicted")
            forms = {"%": ".2f", "nats": NATS}
            shown = [unit, limit, show(values, forms.get(unit, POINTS))]
        assert cells == [*shown, f"**{verdict}**"]
        assert (found["verdict"], found["claim"], found["text"]) == (verdict, claim, text)
        numbers = [found[key] for key in ("seeds", "mean", "sd", "low", "high", "p")]
        expected = [8, values.mean(), values.std(ddof=1), low, high, p[name]]
        assert numbers == pytest.approx(expected)


def decide(name: str, values: pd.Series) -> tuple[str, int, int]:
    """The verdict on a contrast of protocol 2, the seeds of its last look, those of the next."""
    used = 0
    for seeds, level in LOOKS.items():
        there = values[values.index.isin(range(18, 18 + seeds))]
        if len(there) < seeds:
            return "not yet", used, seeds
        used = seeds
        may_decide = seeds == 16 or name not in ("C3", "C4")
        if may_decide and stats.ttest_1samp(there, 0).pvalue < level:
            return ("supported" if there.mean() > 0 else "contradicted"), seeds, seeds
    return ("equivalent" if is_small(there, 1 - 0.0084, name) else "undecided"), 16, 16


def test_protocol_2(pages: Pages) -> None:
    """Looks at 8, 12 and 16 seeds with their levels; the first that decides does."""
    contrasts, verdicts = pages.second_protocol(LAST_FIVE), dict[str, str]()
    rows = pages.block("sequential")
    assert [row[0] for row in rows] == [*contrasts]
    for name, claim, _, *cells in rows:
        assert claim == ("plateau" if name in ("C3", "C4") else name[0])
        # A look at a claim waits for the runs of all its contrasts.
        parts = {row[0]: contrasts[row[0]] for row in rows if row[1] == claim}
        values = pd.concat(parts, axis=1, join="inner").dropna()[name]
        word, used, planned = decide(name, values)
        if name == "B2" and verdicts["B1"] != "supported":
            word = "not yet" if verdicts["B1"] == "not yet" else "not tested"
        verdicts[name] = word
        looked_at = values[values.index.isin(range(18, 18 + (used or planned)))]
        seeds, figures = str(len(looked_at)), ["", "", ""]
        found = pages.file["contrasts"][name]
        if used:
            p = show_p(stats.ttest_1samp(looked_at, 0).pvalue)
            figures = [show(looked_at), p, f"below {LOOKS[used]:g}"]
            assert found["mean"] == pytest.approx(looked_at.mean())
        shown = f"**{word}**"
        if word == "not yet":
            shown = f"not yet ({seeds} of {planned} seeds)"
        elif word == "undecided":
            excluded = interval(looked_at, 1 - 0.0084)
            assert found["excluded"] == pytest.approx(excluded)
            low, high = (f"{value:+.3f}".replace("-", "\N{MINUS SIGN}") for value in excluded)
            shown += f"; below {low} and above {high} is excluded"
        assert cells == [seeds, *figures, shown], name
        assert (found["verdict"], found["level"]) == (word, LOOKS.get(used))


def judge(names: Iterable[str], verdicts: dict[str, str]) -> str:
    found = {verdicts[name] for name in names}
    if "C3" in names:
        turned = {"equivalent": "supported", "supported": "contradicted"}
        found = {turned.get(word, word) for word in found}
    several = next((v for v in ("contradicted", "not yet") if v in found), "undecided")
    return found.pop() if len(found) == 1 else several


def test_claims_and_answers(pages: Pages) -> None:
    """Protocol 2 answers from its first look on, protocol 1 before; the mark says how sure."""
    contrasts, answers = pages.file["contrasts"], pages.file["answers"]
    verdicts = {name: each["verdict"] for name, each in contrasts.items()}
    for name, text, protocol, decided_by, verdict in pages.block("claims"):
        ids = decided_by.split(" and ")
        assert verdict == judge(ids, verdicts), name
        assert protocol == ("2" if ids[0][0] in "ABCDE" else "1")
        assert pages.file["claims"][name] == {"contrasts": ids, "text": text, "verdict": verdict}
    decided = {"supported", "contradicted", "equivalent"}
    asked = {"help": "A1 A2 or P1 P2", "how_much": "A1 A2 or P1 P2", "which_rate": "C1 C2 or P6 P7",
             "where_placed": "B1 B2 or P4 P5", "early_stopping": "E1 E2 or P8 S8",
             "larger_network": "D1 or S12", "where_most": "P3 or P3"}  # fmt: skip
    for question, names in asked.items():
        new, old = (each.split() for each in names.split(" or "))
        ids = new if all("mean" in contrasts[i] for i in new) else old
        above, below = ({i for i in ids if sign * contrasts[i][end] > 0}
                        for sign, end in ((1, "low"), (-1, "high")))  # fmt: skip
        mark = "likely" if {*ids} in (above, below) else "not shown"
        mark = "sure" if judge(ids, verdicts) in decided else mark
        assert (answers[question]["rests_on"], answers[question]["mark"]) == (ids, mark)
    assert answers["early_stopping"]["figures"]["S5"] == contrasts["S5"]
    for n in (48_000, 1_000):
        pair = pages.both(LAST, n=n)
        wins = pair["a"].to_numpy()[:, None] > pair["b"].to_numpy()
        # A seed chooses the images where not all are used: other seeds are other data.
        wins = wins if n == 48_000 else wins.diagonal()
        misleading = {"misleading": wins.sum(), "pairs": wins.size}
        assert answers["one_run"]["figures"][str(n)] == misleading
    # Three claims of protocol 1 are asked again by protocol 2.
    asked = pages.file["claims"].keys() - {"C5", "C7", "C8"}
    claims = [pages.file["claims"][name]["verdict"] in decided for name in asked]
    counts = {"claims": len(claims), "decided": sum(claims), "runs": len(pages.runs)}
    assert answers["how_sure"]["figures"] == counts


def test_cost_in_use() -> None:
    sessions = pd.read_csv(ROOT / "metrics/study_inference.csv")
    ratio = sessions["with_layer"] / sessions["without_layer"]
    low, high = interval(ratio)
    page = " ".join(Pages(ROOT).page.split())
    assert f"over the time without was {ratio.mean():.3f} [{low:.3f} to {high:.3f}]" in page


def test_comparisons(pages: Pages) -> None:
    """Over the seeds that both sides have, so that the columns subtract.

    Secondary measures of protocol 2 over the first look's, once all are there.
    """
    found = pages.block("settings")
    dropped = pages.runs.query("placement != 'none'")
    assert len(found) == (dropped.groupby(KEYS).size() > 1).sum()
    for data, n, epochs, units, place, rate, *cells, left in found:
        where: dict[str, Any] = {"data": LABELS[data], "n": int(n.replace(",", ""))}
        where |= {"epochs": int(epochs), "units": int(units), "rate": float(rate)}
        pair = pages.both(LAST, place=place.removesuffix(" layer"), **where)
        without, with_it = 100 - pair.mean()
        assert [*cells, left] == [*show_pair(pair, LAST), f"{100 * with_it / without:.0f}"]

    texts = {
        LAST: "accuracy on test images, %", "test_loss": "loss on test images",
        "validation_loss_rise": "rise of the validation loss",
        "test_calibration_error": "expected calibration error, %", "test_brier": "Brier score",
    }  # fmt: skip
    rows: dict[str, list[list[str]]] = {"changes": [], "calibration": [], "rates": [], "sizes": []}
    for metric, text in texts.items():
        for label, data in LABELS.items():
            pair, cells = pages.both(metric, data=data), [f"{label}: {text}"]
            if "calibration" in metric or "brier" in metric:
                rows["calibration"] += show_first_look(cells, pair, metric)
            else:
                new = show_for_new_images(pages, data) if metric == LAST else ""
                rows["changes"].append([*cells, *show_pair(pair, metric), new])
    for share in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8):
        pair = pages.both(LAST_FIVE, n=1_000, rate=share)
        rows["rates"] += show_first_look([f"{share:g}"], pair, LAST_FIVE)
    for size, more in ((100, 625), (500, 156), (1_000, 78), (5_000, 16)):
        pair = pages.both(LAST_FIVE, n=size, epochs=more)
        rows["sizes"] += show_first_look([f"{size:,}", str(more)], pair, LAST_FIVE)
    assert {name: pages.block(name) for name in rows} == rows


def show_first_look(first: list[str], pair: pd.DataFrame, metric: str) -> list[list[str]]:
    there = pair[pair.index.isin(FIRST_LOOK)]
    return [[*first, *show_pair(there, metric)]] if len(there) == 8 else []


def show_for_new_images(pages: Pages, data: str) -> str:
    """Seeds and images are crossed random effects, by their mean squares."""
    wrong: dict[tuple[float, int], np.ndarray] = {}
    for content in pages.stored:
        run, errors = content["run"], content["test_errors"]
        main = (run["dataset"], run["train_samples"], run["dense_units"], run["epochs"])
        placed = run["placement"] in ("none", "dense")
        if main == (data, 48000, 128, 20) and errors is not None and placed:
            wrong[run["dropout_rate"], run["seed"]] = 100.0 * np.isin(np.arange(10_000), errors)
    seeds = [s for rate, s in wrong if rate == 0 and (0.5, s) in wrong]
    if len(seeds) < 5:
        return ""
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
    assert pages.runs.equals(pages.runs.sort_values([*pages.runs.columns[:15]], ignore_index=True))
    names = [*KEYS, "seed", *pages.stored[0]["settings"]]
    rows = {tuple(row[name] for name in names): row for row in pages.runs.to_dict("records")}
    assert len(rows) == len(pages.stored) == len(pages.runs)
    columns = {"training_accuracy": "accuracy", "validation_accuracy": "val_accuracy",
               "validation_loss": "val_loss"}  # fmt: skip
    for content in pages.stored:
        parameters = {**content["run"], **content["settings"]}
        row = rows[tuple(parameters[name] for name in names)]
        last_five = {
            f"last_five_{k}": np.mean(content["curve"][v][-5:]) for k, v in columns.items()
        }
        expected = content["metrics"] | last_five
        assert {name: row[name] for name in expected} == pytest.approx(expected)
