"""`bench/results.md` and the READMEs' headline, from `bench/results.json`."""

from collections.abc import Sequence
from statistics import fmean, median
from typing import Any

from scipy import stats

from bench.machine import floor_seconds
from bench.sitting import CURVES
from experiment.style import LABELS
from experiment.support.markdown import paragraph, table

Part = dict[str, Any]

SCRIPTS = {"plain": "plain script", "pipeline": "pipeline", "torch": "PyTorch script"}


def page(results: Part) -> str:
    """All of `bench/results.md`."""
    machine = results["conditions"]
    about = (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory'] / 1e9:.0f} GB;"
        f" {machine['system']}; Python {machine['python']}, TensorFlow {machine['tensorflow']};"
        f" {machine['epochs']} epochs; revision {machine['revision'][:10]}."
    )
    idle = {
        name: median(r[name]["seconds"] for r in results["idle"]) for name in results["idle"][0]
    }
    said = ", ".join(f"`{name}` {seconds:.2f} s" for name, seconds in idle.items())
    rate = results["rate"]
    changed = (
        f"After a change of the rate to {rate['rate']}, `make repro` takes {rate['seconds']:.1f} s,"
        f" runs {', '.join(rate['stages'])}, and DVC's cache grows by"
        f" {rate['cache_bytes'] / 1e6:.1f} MB."
    )
    texts = [
        "# Speed",
        paragraph(headlines(results)["README.md"]),
        paragraph(about),
        *costs_section(results),
        "## The same curves",
        *curves_section(results["pairs"]),
        "## With nothing to do",
        f"Median of {len(results['idle'])}, in turn: {said}.",
        "## A changed rate",
        paragraph(changed),
    ]
    return "\n\n".join(texts) + "\n"


def headlines(results: Part) -> dict[str, str]:
    """By README: the ratio of the times, with its interval, and that of the memory."""
    pairs, machine = results["pairs"], results["conditions"]
    ratio, low, high, coverage = ratio_of(pairs, "seconds")
    memory = ratio_of(pairs, "largest_process")[0]
    return {
        "README.md": paragraph(
            f"A plain Keras script of this experiment takes **{ratio:.2f} times** as long as the"
            f" pipeline: the median of {len(pairs)} pairs, run in turn, {low:.2f} to {high:.2f}"
            f" ({coverage:.4g} %); {machine['epochs']} epochs, {machine['cores']} cores,"
            f" {machine['processor']}. Its largest process takes {memory:.2f} times the memory."
        ),
        "README.ja.md": (
            "同じ実験を素朴に書いた Keras スクリプトは、このパイプラインの"
            f" **{ratio:.2f} 倍**の時間がかかります（交互に実行した {len(pairs)} 組の比の中央値、"
            f"{low:.2f} 〜 {high:.2f}（{coverage:.4g}%）、{machine['epochs']} エポック、"
            f"{machine['cores']} コア、{machine['processor']}）。"
            f"最大のプロセスのメモリは {memory:.2f} 倍です。"
        ),
    }


def ratio_of(
    pairs: Sequence[Part], cost: str, script: str = "plain"
) -> tuple[float, float, float, float]:
    """A script's cost over the pipeline's, pair by pair.

    Returns:
        Median, smallest and largest of the ratios, and the probability, in percent, that the true
        median lies between these two: each ratio is above or below it like the side of a coin.
    """
    ratios = [pair[script][cost] / pair["pipeline"][cost] for pair in pairs]
    return median(ratios), min(ratios), max(ratios), 100 * (1 - 0.5 ** (len(ratios) - 1))


def costs_section(results: Part) -> list[str]:
    """What each script takes, and how far it is from the floor."""
    pairs, conditions = results["pairs"], results["conditions"]
    rates = {key: median(pair["machine"][key] for pair in pairs) for key in pairs[0]["machine"]}
    floor = 2 * conditions["epochs"] * floor_seconds(**rates)  # both variants
    rows = [["floor", f"{floor:.1f}", "", "", "", "1.0"]]
    for script in (name for name in SCRIPTS if all(name in pair for pair in pairs)):
        seconds, cpu, memory = (
            median(pair[script][cost] for pair in pairs)
            for cost in ("seconds", "cpu_seconds", "largest_process")
        )
        ratio, low, high, _ = ratio_of(pairs, "seconds", script)
        over = "1" if script == "pipeline" else f"{ratio:.2f}, {low:.2f} to {high:.2f}"
        figures = [f"{seconds:.1f}", f"{cpu:.1f}", f"{memory / 1e6:.0f}", over]
        rows.append([SCRIPTS[script], *figures, f"{seconds / floor:.1f}"])
    text = (
        f"Medians of {len(pairs)} pairs. A float32 matrix product reached"
        f" {rates['flops_per_second'] / 1e9:.0f} GFLOP/s on all cores, and a copy"
        f" {rates['bytes_per_second'] / 1e9:.1f} GB/s."
    )
    header = ["", "seconds", "CPU seconds", "largest process, MB"]
    header += ["seconds over the pipeline's", "times the floor"]
    return [table(header, rows), paragraph(text)]


def curves_section(pairs: Sequence[Part]) -> list[str]:
    """Whether plain script and pipeline train the same curves, but for the seeds."""
    rows, with_zero, intervals = [], 0, 0
    for variant, label in LABELS.items():
        for curve in CURVES:
            pipeline, plain = (
                list(zip(*(pair[script]["curves"][variant][curve] for pair in pairs), strict=True))
                for script in ("pipeline", "plain")
            )
            differences = list(map(difference_of_means, pipeline, plain))
            intervals += len(differences)
            with_zero += sum(low <= 0 <= high for _, low, high in differences)
            difference, low, high = differences[-1]
            name = f"{curve.replace('val_', 'validation ')}, {label}"
            means = [f"{fmean(values[-1]):.4f}" for values in (plain, pipeline)]
            rows.append([name, *means, f"{difference:+.4f}", f"{low:+.4f} to {high:+.4f}"])
    text = (
        "Difference: pipeline minus plain script, with Welch's interval. Over all epochs, 0 lies in"
        f" {with_zero} of {intervals} such intervals."
    )
    header = ["mean after the last epoch", "plain script", "pipeline", "difference", "95 %"]
    return [table(header, rows), paragraph(text)]


def difference_of_means(a: Sequence[float], b: Sequence[float]) -> tuple[float, float, float]:
    """Mean of `a` minus mean of `b`, with Welch's 95 % interval; infinite for single values."""
    difference = fmean(a) - fmean(b)
    if min(len(a), len(b)) < 2:
        return difference, float("-inf"), float("inf")
    interval = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    return difference, float(interval.low), float(interval.high)
