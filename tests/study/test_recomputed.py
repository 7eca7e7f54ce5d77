"""A statistician's recomputation of docs/results.md from metrics/study_runs.csv.

Plain pandas and SciPy; nothing of `study` is imported.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from tests.conftest import ROOT

PAGE = (ROOT / "docs/results.md").read_text(encoding="utf-8")
RUNS = pd.read_csv(ROOT / "metrics/study_runs.csv")
STORED = [json.loads(path.read_text("utf-8")) for path in (ROOT / "study/runs").glob("*.json")]
KEYS = ["dataset", "train_samples", "dense_units", "placement", "dropout_rate"]
FRESH = range(10, 18)
FEW, UNITS = (100, 500, 1000), (32, 128, 512, 1024)
MARGINS = {f"P{n}": 0.3 if n == 2 else 0.1 for n in range(1, 9)}
LABELS = {"MNIST": "mnist", "Fashion-MNIST": "fashion_mnist"}


def rows(block: str) -> list[list[str]]:
    text = PAGE.split(f"<!-- study: {block} -->\n")[1].split("<!-- /study -->")[0]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[2:]]


def of(metric: str = "test_accuracy", **where: Any) -> pd.Series:
    where = {"rate": 0.5, "place": "dense", "data": "mnist", "n": 48_000, "units": 128} | where
    where["place"] = where["place"] if where["rate"] else "none"
    columns = ("dropout_rate", "placement", "dataset", "train_samples", "dense_units")
    runs = RUNS[(RUNS[[*columns]] == [*where.values()]).all(axis=1)]
    values = runs.set_index("seed")[metric].astype(float)
    return 100 * values if "accuracy" in metric else values


def gain(metric: str = "test_accuracy", **where: Any) -> pd.Series:
    return of(metric, **where) - of(metric, rate=0, **where)


def mean(parts: Iterable[pd.Series]) -> pd.Series:
    return pd.concat(list(parts), axis=1).mean(axis=1, skipna=False)


def rates(*which: float) -> pd.Series:
    return mean(of(rate=rate) for rate in which)


def rise(rate: float) -> pd.Series:
    return 100 * (of("validation_loss", rate=rate) / of("best_validation_loss", rate=rate) - 1)


def log_left(n: int) -> pd.Series:
    return np.log((100 - of(n=n)) / (100 - of(rate=0, n=n)))


def slope() -> pd.Series:
    gains = pd.concat([gain(n=5000, units=units) for units in UNITS], axis=1).dropna()
    found = [stats.linregress(np.log2(UNITS), row).slope for row in gains.to_numpy()]
    return pd.Series(found, index=gains.index, dtype=float)


KEPT, LAST = "best_epoch_test_accuracy", "last_five_validation_accuracy"
FASHION = {"data": "fashion_mnist"}
CONTRASTS = {
    "P1": gain(), "P2": gain(**FASHION), "P3": mean(gain(n=n) for n in FEW) - gain(),
    "P4": of() - of(place="pooling"), "P5": of() - of(place="both"),
    "P6": rates(0.3, 0.4, 0.5) - rates(0.1, 0.2),
    "P7": rates(0.3, 0.4, 0.5) - rates(0.6, 0.7, 0.8), "P8": gain(KEPT),
    "S1": of("last_five_training_accuracy", rate=0), "S2": rise(0),
    "S3": of("last_five_training_accuracy"), "S4": gain("evaluated_training_accuracy"),
    "S5": rise(0.5), "S6": of("best_validation_accuracy") - of(LAST),
    "S7a": gain(LAST), "S7b": gain(LAST, **FASHION), "S8": gain(KEPT, **FASHION),
    "S9a": gain("validation_loss_rise"), "S9b": gain("validation_loss_rise", **FASHION),
    "S10a": gain("test_loss") - gain("evaluated_training_loss"),
    "S10b": gain("test_loss", **FASHION) - gain("evaluated_training_loss", **FASHION),
    "S11": mean(log_left(n) for n in FEW) - log_left(48000), "S12": slope(),
}  # fmt: skip


def shown(values: pd.Series, unit: str) -> str:
    if len(values) < 2:
        return ""
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    form = {"%": ".2f", "nats": "+.4f"}.get(unit, "+.3f")
    text = f"{values.mean():{form}} [{low:{form}} to {high:{form}}]"
    return text.replace("-", "−")


def number(values: pd.Series) -> str:
    return str(len(values)) if len(values) > 1 else ""


def p_shown(p: float) -> str:
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"


def flipped(values: pd.Series) -> str:
    signs = np.array(np.meshgrid(*[[1, -1]] * len(values))).reshape(len(values), -1)
    means = np.abs(values.to_numpy() @ signs)
    return p_shown((means >= abs(values.sum()) - 1e-9).mean())


def fresh(name: str) -> pd.Series:
    found = CONTRASTS[name].dropna()
    return found[found.index.isin(FRESH)]


def corrected(missing: float) -> dict[str, float]:
    """Holm's correction, by hand, with this p of each contrast that is not there yet."""
    p = {n: stats.ttest_1samp(fresh(n), 0).pvalue if whole(n) else missing for n in MARGINS}
    found, largest = {}, 0.0
    for rank, name in enumerate(sorted(p, key=lambda name: p[name])):
        found[name] = largest = max(largest, min(1, (8 - rank) * p[name]))
    return found


def whole(name: str) -> bool:
    return len(fresh(name)) == len(FRESH)


def test_primary_contrasts_and_their_verdicts() -> None:
    bounds = [corrected(0.0), corrected(1.0)]
    for name, _, _, interval, *ps, verdict, seeds, pooled in rows("primary"):
        everything = CONTRASTS[name].dropna()
        assert (seeds, pooled) == (number(everything), shown(everything, "points"))
        if not whole(name):
            assert [interval, *ps] == [""] * 4
            assert re.fullmatch(r"not yet \(\d+ of \d+ runs\)", verdict)
            continue
        test = stats.ttest_1samp(fresh(name), 0)
        low, high = test.confidence_interval(0.95)
        side = "supported" if fresh(name).mean() > 0 else "contradicted"
        within = -MARGINS[name] < low and high < MARGINS[name]
        others = "equivalent" if within else "undecided"
        words = {side if bound[name] < 0.05 else others for bound in bounds}
        assert interval == shown(fresh(name), "points")
        shown_ps = " to ".join(sorted({p_shown(bound[name]) for bound in bounds}))
        assert ps == [p_shown(test.pvalue), shown_ps, flipped(fresh(name))]
        if len(words) == 2:
            assert verdict == "not yet (p is corrected over all eight contrasts)"
            continue
        assert verdict.startswith(f"**{words.pop()}**")
        excludes = not low <= 0 <= high
        assert ("the exact test disagrees" in verdict) == (excludes != (float(ps[2]) < 0.05))
        uncorrected = excludes and bounds[0][name] >= 0.05
        assert ("not corrected for eight contrasts" in verdict) == uncorrected
    assert [row[0] for row in rows("primary")] == [*MARGINS]


def test_secondary_measures_and_their_verdicts() -> None:
    for name, _, _, unit, limit, interval, verdict, seeds, pooled in rows("secondary"):
        everything = CONTRASTS[name].dropna()
        assert (seeds, pooled) == (number(everything), shown(everything, unit))
        if not whole(name):
            assert (interval, verdict[:9]) == ("", "not yet (")
            continue
        low, high = stats.ttest_1samp(fresh(name), 0).confidence_interval(0.95)
        side, at = limit.split() if limit else ("", "0")
        place = "above" if low > float(at) else "below" if high < float(at) else "open"
        words = {side: "supported", "open": "undecided"} if side else {place: place}
        assert interval == shown(fresh(name), unit)
        assert verdict == f"**{words.get(place, 'contradicted')}**"
    assert [row[0] for row in rows("secondary")] == [*CONTRASTS][len(MARGINS) :]


def test_claims_follow_from_their_contrasts() -> None:
    verdicts = {row[0]: row[-3].strip("*").split("**")[0] for row in rows("primary")}
    verdicts |= {row[0]: row[-3].strip("*") for row in rows("secondary")}
    for _, _, decided_by, verdict in rows("claims"):
        found = {verdicts[name].split(" (")[0] for name in decided_by.split(" and ")}
        expected = next((v for v in ("contradicted", "not yet") if v in found), "undecided")
        assert verdict == (found.pop() if len(found) == 1 else expected)


def test_every_setting_subtracts() -> None:
    found = rows("settings")
    assert len(found) == (RUNS.query("placement != 'none'").groupby(KEYS).size() > 1).sum()
    for data, n, units, place, rate, seeds, without, with_it, change, p, signs, left in found:
        where: dict[str, Any] = {"data": LABELS[data], "units": int(units)}
        where["n"] = int(n.replace(",", ""))
        place = place.removesuffix(" layer")
        b, a = of(rate=float(rate), place=place, **where), of(rate=0, **where)
        common = b.index.intersection(a.index)
        a, b = a[common], b[common]
        expected = [str(len(common)), f"{a.mean():.3f}", f"{b.mean():.3f}", shown(b - a, "points")]
        assert [seeds, without, with_it, change] == expected
        assert p == p_shown(stats.ttest_1samp(b - a, 0).pvalue)
        assert signs == (flipped(b - a) if len(a) > 5 else "")
        assert left == f"{100 * (100 - b.mean()) / (100 - a.mean()):.0f}"


def test_figures_and_the_interval_for_new_images() -> None:
    for text, seeds, without, with_it, change, new in rows("figures"):
        data = LABELS[text.split(":")[0]]
        accuracy = "accuracy" in text
        metric, unit = ("test_accuracy", "points") if accuracy else ("validation_loss_rise", "nats")
        b, a = of(metric, data=data), of(metric, rate=0, data=data)
        common = b.index.intersection(a.index)
        means = [f"{values[common].mean():.{2 if accuracy else 4}f}" for values in (a, b)]
        expected = [str(len(common)), *means, shown((b - a)[common], unit)]
        assert [seeds, without, with_it, change] == expected
        if accuracy:
            assert new.startswith(for_new_images(data)), text


def for_new_images(data: str) -> str:
    wrong: dict[tuple[float, int], np.ndarray] = {}
    for content in STORED:
        run, errors = content["run"], content["test_errors"]
        main = (run["dataset"], run["train_samples"], run["dense_units"]) == (data, 48000, 128)
        if main and errors is not None and run["placement"] in ("none", "dense"):
            marks = np.isin(np.arange(10_000), errors)
            wrong[run["dropout_rate"], run["seed"]] = 100.0 * marks
    seeds = [s for s in FRESH if {(0.0, s), (0.5, s)} <= wrong.keys()]
    d = np.array([wrong[0.0, s] - wrong[0.5, s] for s in seeds])
    n, m = d.shape
    centre, by_seed, by_image = d.mean(), d.mean(axis=1), d.mean(axis=0)
    a, b = m * by_seed.var(ddof=1), n * by_image.var(ddof=1)
    rest = ((d**2).sum() - m * (by_seed**2).sum() - n * (by_image**2).sum()) + n * m * centre**2
    c = rest / (n - 1) / (m - 1)
    total = max(a + b - c, a)
    freedom = total**2 / (a**2 / (n - 1) + b**2 / (m - 1) + c**2 / ((n - 1) * (m - 1)))
    half = stats.t.ppf(0.975, freedom) * (total / n / m) ** 0.5
    return f"[{centre - half:+.3f} to {centre + half:+.3f}]".replace("-", "−")


def test_another_seed_alone_and_the_cost_of_a_layer() -> None:
    for row, metric in zip(
        rows("single-run"), ("test_accuracy", "validation_accuracy", LAST), strict=True
    ):
        a, b = of(metric, rate=0), of(metric)
        common = a.index.intersection(b.index)
        assert row[1:] == [str(len(common)), f"{a[common].std():.3f}", f"{b[common].std():.3f}"]
    sessions = pd.read_csv(ROOT / "metrics/study_inference.csv")
    ratio = sessions["with_layer"] / sessions["without_layer"]
    low, high = stats.ttest_1samp(ratio, 0).confidence_interval(0.95)
    expected = [str(len(ratio)), str(sessions["passes"].sum()),
                f"{ratio.mean():.3f} [{low:.3f} to {high:.3f}]"]  # fmt: skip
    assert rows("inference") == [expected]
