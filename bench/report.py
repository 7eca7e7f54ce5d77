"""`bench/results.md` and the READMEs' headline, from `bench/results.json`."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

from scipy import stats

from bench.machine import floor_seconds
from bench.parts import CURVES
from experiment.presentation.markdown import fill_blocks, paragraph, table
from experiment.presentation.style import LABELS

Part = dict[str, Any]

SCRIPTS = {"plain": "plain script", "pipeline": "pipeline", "torch": "PyTorch script"}
COSTS = {
    "seconds": ("seconds", 1, ".1f"),
    "cpu_seconds": ("CPU seconds", 1, ".1f"),
    "largest_process": ("largest process, MB", 1e6, ".0f"),
}


def page(results: Part) -> str:
    """All of `bench/results.md`."""
    machine = results["conditions"]
    about = (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory'] / 1e9:.0f} GB;"
        f" {machine['system']}; Python {machine['python']}, TensorFlow {machine['tensorflow']};"
        f" {machine['epochs']} epochs; revision {machine['revision'][:10]}."
    )
    texts = ["# Speed"]
    if results["pairs"]:
        texts += [paragraph(headline(results)), paragraph(about), pairs_section(results)]
        texts += [curves_section(results["pairs"]), floor_section(results)]
    else:
        texts += ["Not measured yet: `make bench`."]
    if "idle" in results:
        texts.append(idle_section(results["idle"]))
    if "rate" in results:
        texts.append(rate_section(results["rate"], machine["epochs"]))
    return "\n\n".join(texts) + "\n"


def fill_pages(results: Part) -> None:
    """Puts the headline into both READMEs.

    Raises:
        InputError: a README, or the block in it, is not there.
    """
    for readme, text in headlines(results).items():
        fill_blocks(Path(readme), "speed", {"headline": text})


def headlines(results: Part) -> dict[str, str]:
    """By README, what its block holds."""
    if not results.get("pairs"):
        return {"README.md": "Not measured yet: `make bench`.", "README.ja.md": "未測定です。"}
    pairs, machine = results["pairs"], results["conditions"]
    ratio, low, high, coverage = ratio_of(pairs, "seconds")
    memory = ratio_of(pairs, "largest_process")[0]
    return {
        "README.md": paragraph(headline(results)),
        "README.ja.md": (
            "同じ実験を素朴に書いた Keras スクリプトは、このパイプラインの"
            f" **{ratio:.2f} 倍**の時間がかかります（交互に実行した {len(pairs)} 組の比の中央値、"
            f"{low:.2f} 〜 {high:.2f}（{percent(coverage)}%）、{machine['epochs']} エポック、"
            f"{machine['cores']} コア、{machine['processor']}）。"
            f"最大のプロセスのメモリは {memory:.2f} 倍です。"
        ),
    }


def headline(results: Part) -> str:
    """The ratio of the times, with its interval, and that of the memory."""
    pairs, machine = results["pairs"], results["conditions"]
    memory = ratio_of(pairs, "largest_process")[0]
    return (
        "A plain Keras script of this experiment takes"
        f" **{ratio_of(pairs, 'seconds')[0]:.2f} times** as long as the pipeline: the median of"
        f" {len(pairs)} pairs, run in turn, {between(pairs, 'seconds')}; {machine['epochs']}"
        f" epochs, {machine['cores']} cores, {machine['processor']}. Its largest process takes"
        f" {memory:.2f} times the memory."
    )


def ratio_of(
    pairs: Sequence[Part], cost: str, script: str = "plain"
) -> tuple[float, float, float, float]:
    """A script's cost over the pipeline's, pair by pair.

    Returns:
        Median, smallest and largest of the ratios, and the probability that the true median lies
        between these two: each ratio is above it or below it like the side of a fair coin.
    """
    ratios = [pair[script][cost] / pair["pipeline"][cost] for pair in pairs]
    return median(ratios), min(ratios), max(ratios), 1 - 0.5 ** (len(ratios) - 1)


def between(pairs: Sequence[Part], cost: str, script: str = "plain") -> str:
    """The interval of a ratio, and its coverage."""
    _, low, high, coverage = ratio_of(pairs, cost, script)
    return f"{low:.2f} to {high:.2f} ({percent(coverage)} %)"


def percent(share: float) -> str:
    """93.75 or 50: at most two digits after the point, no zeros at the end."""
    return f"{share * 100:.2f}".rstrip("0").rstrip(".")


def pairs_section(results: Part) -> str:
    """The costs of each script, and the times of each pair."""
    pairs = results["pairs"]
    scripts, rows = scripts_of(pairs), []
    for cost, (name, unit, form) in COSTS.items():
        medians = [f"{median(p[s][cost] for p in pairs) / unit:{form}}" for s in scripts]
        ratios = [
            f"{ratio_of(pairs, cost, script)[0]:.2f}, {between(pairs, cost, script)}"
            for script in scripts
            if script != "pipeline"
        ]
        rows.append([name, *medians, *ratios])
    each = ", ".join(f"{p['plain']['seconds'] / p['pipeline']['seconds']:.2f}" for p in pairs)
    others = [
        sum(pair[script]["others_cpu_seconds"] for script in scripts)
        / (sum(pair[script]["seconds"] for script in scripts) * results["conditions"]["cores"])
        for pair in pairs
    ]
    over = [f"{SCRIPTS[script]} / pipeline" for script in scripts if script != "pipeline"]
    text = (
        f"Plain script over pipeline, pair by pair: {each}. Other programs took"
        f" {min(others):.0%} to {max(others):.0%} of the cores."
    )
    header = ["median", *(SCRIPTS[script] for script in scripts), *over]
    return f"## Whole processes\n\n{table(header, rows)}\n\n{paragraph(text)}"


def scripts_of(pairs: Sequence[Part]) -> list[str]:
    """What was run in every pair."""
    return [script for script in SCRIPTS if all(script in pair for pair in pairs)]


def curves_section(pairs: Sequence[Part]) -> str:
    """Whether plain script and pipeline train the same curves, but for the seeds."""
    scripts, rows, with_zero, intervals = scripts_of(pairs), [], 0, 0
    for variant, label in LABELS.items():
        for curve in CURVES:
            values = {
                s: list(zip(*(pair[s]["curves"][variant][curve] for pair in pairs), strict=True))
                for s in scripts
            }
            differences = list(map(difference_of_means, values["pipeline"], values["plain"]))
            intervals += len(differences)
            with_zero += sum(low <= 0 <= high for _, low, high in differences)
            means = [f"{fmean(values[script][-1]):.4f}" for script in scripts]
            difference, low, high = differences[-1]
            name = f"{curve.replace('val_', 'validation ')}, {label}"
            rows.append([name, *means, f"{difference:+.4f}", f"{low:+.4f} to {high:+.4f}"])
    names = [SCRIPTS[script] for script in scripts]
    text = (
        "Difference: pipeline minus plain script, with Welch's interval. Over all epochs, 0 lies in"
        f" {with_zero} of {intervals} such intervals."
    )
    header = ["mean after the last epoch", *names, "difference", "95 % interval"]
    return f"## The same curves\n\n{table(header, rows)}\n\n{paragraph(text)}"


def difference_of_means(a: Sequence[float], b: Sequence[float]) -> tuple[float, float, float]:
    """Mean of `a` minus mean of `b`, with Welch's 95 % interval; infinite for single values."""
    difference = fmean(a) - fmean(b)
    if min(len(a), len(b)) < 2:
        return difference, float("-inf"), float("inf")
    interval = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    return difference, float(interval.low), float(interval.high)


def floor_section(results: Part) -> str:
    """The least time, from operations and bytes, and how far each script is from it."""
    pairs, epochs = results["pairs"], results["conditions"]["epochs"]
    rates = {key: median(pair["machine"][key] for pair in pairs) for key in pairs[0]["machine"]}
    least = 2 * floor_seconds(**rates)
    rows = [["floor", f"{least:.2f}", "1.0"]]
    for script in scripts_of(pairs):
        seconds = median(pair[script]["seconds"] for pair in pairs) / epochs
        rows.append([SCRIPTS[script], f"{seconds:.2f}", f"{seconds / least:.1f}"])
    text = (
        "In the same sitting, a float32 matrix product reached"
        f" {rates['flops_per_second'] / 1e9:.0f} GFLOP/s on all cores, and a copy"
        f" {rates['bytes_per_second'] / 1e9:.1f} GB/s (medians over the pairs)."
    )
    header = ["both variants", "seconds per epoch", "times the floor"]
    return f"## The floor\n\n{paragraph(text)}\n\n{table(header, rows)}"


def idle_section(rounds: Sequence[Part]) -> str:
    """With nothing to do."""
    names = {"dvc_status": "`dvc status`", "dvc_repro": "`dvc repro`", "make_repro": "`make repro`"}
    rows = []
    for key, name in names.items():
        ratios = [r[key]["seconds"] / r["dvc_status"]["seconds"] for r in rounds]
        seconds = median(r[key]["seconds"] for r in rounds)
        span = f"{min(ratios):.2f} to {max(ratios):.2f}"
        rows.append([name, f"{seconds:.2f}", f"{median(ratios):.2f}", span])
    header = [f"median of {len(rounds)}, in turn", "seconds", "times `dvc status`", "range"]
    return f"## With nothing to do\n\n{table(header, rows)}"


def rate_section(rate: Part, epochs: int) -> str:
    """A changed rate: time and disk."""
    text = (
        f"After a change of the rate to {rate['rate']}, `make repro` takes {rate['seconds']:.1f} s"
        f" ({epochs} epochs). It runs {', '.join(rate['stages'])}, and DVC's cache grows by"
        f" {rate['cache_bytes'] / 1e6:.1f} MB."
    )
    return f"## A changed rate\n\n{paragraph(text)}"
