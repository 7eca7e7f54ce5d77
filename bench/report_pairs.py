"""Plain script against pipeline, in words and tables."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from bench import floor
from bench.comparison import compare_curves, count_with_zero
from bench.intervals import Median, median_of
from bench.markdown import between, coverage
from experiment.presentation.markdown import paragraph, table

# The network of bench/plain.py, and its data.
NETWORK = floor.Network(side=28, kernel=3, filters=32, pool=2, units=128, classes=10)
IMAGES = {"batch_size": 32, "train_images": 48_000, "validation_images": 12_000}

Part = dict[str, Any]


def headline(part: Part) -> str:
    """The ratio and its interval, and that of the memory."""
    pairs, machine = part["pairs"], part["conditions"]
    ratio = ratio_of(pairs, "seconds")
    largest, together = (ratio_of(pairs, key) for key in ("largest_process", "all_processes"))
    return (
        f"A plain Keras script of this experiment takes **{ratio.value:.2f} times** as long as the"
        f" pipeline's two trainings: the median of {len(pairs)} pairs, in turn,"
        f" {between(ratio)}; {machine['epochs']} epochs, {machine['cores']} cores,"
        f" {machine['processor']}. Its largest process takes {largest.value:.2f} times the memory"
        f" of the pipeline's, all its processes {together.value:.2f} times that of all of the"
        " pipeline's."
    )


def headline_in_japanese(part: Part) -> str:
    """The same for README.ja.md."""
    pairs, machine = part["pairs"], part["conditions"]
    ratio = ratio_of(pairs, "seconds")
    largest, together = (ratio_of(pairs, key) for key in ("largest_process", "all_processes"))
    return (
        "同じ実験を素朴に書いた Keras スクリプトは、このパイプラインの 2 つの学習の"
        f" **{ratio.value:.2f} 倍**の時間がかかります（交互に実行した {len(pairs)} 組の比の"
        f"中央値、{ratio.low:.2f} 〜 {ratio.high:.2f}（{coverage(ratio)}%）、"
        f"{machine['epochs']} エポック、{machine['cores']} コア、{machine['processor']}）。"
        f"使用メモリは、最大のプロセスどうしの比で {largest.value:.2f} 倍、"
        f"全プロセスの合計どうしの比で {together.value:.2f} 倍です。"
    )


def ratio_of(pairs: Sequence[Part], key: str) -> Median:
    """Plain script over pipeline, pair by pair."""
    return median_of([pair["plain"][key] / pair["pipeline"][key] for pair in pairs])


def pairs_section(part: Part) -> str:
    """Times and memory of both, and each pair."""
    pairs, machine = part["pairs"], part["conditions"]
    forms = {
        "seconds": ("seconds", 1, ".1f"),
        "cpu_seconds": ("CPU seconds", 1, ".1f"),
        "largest_process": ("largest process, MB", 1e6, ".0f"),
        "all_processes": ("all processes, MB", 1e6, ".0f"),
    }
    rows = []
    for key, (name, unit, form) in forms.items():
        a, b = (median(p[side][key] for p in pairs) / unit for side in ("plain", "pipeline"))
        ratio = ratio_of(pairs, key)
        rows.append([name, f"{a:{form}}", f"{b:{form}}", f"{ratio.value:.2f}", between(ratio)])
    each = []
    for number, pair in enumerate(pairs, start=1):
        seconds = [pair[side]["seconds"] for side in ("plain", "pipeline")]
        others = sum(pair[side]["others_cpu_seconds"] for side in ("plain", "pipeline"))
        share = others / (sum(seconds) * machine["cores"])
        ratio_text = f"{seconds[0] / seconds[1]:.2f}"
        each.append([str(number), *(f"{s:.1f}" for s in seconds), ratio_text, f"{share:.0%}"])
    return "\n\n".join(
        [
            paragraph(
                f"{machine['processor']}, {machine['cores']} cores, {machine['memory'] / 1e9:.0f}"
                f" GB; {machine['system']}; Python {machine['python']}, TensorFlow"
                f" {machine['tensorflow']}; revision {machine['revision'][:10]}."
            ),
            "## Whole processes",
            table(["median", "plain script", "pipeline", "ratio", "interval"], rows),
            table(["pair", "plain script, s", "pipeline, s", "ratio", "CPU of others"], each),
            "![Time of each pair, and differences of the curves](results.png)",
        ]
    )


def curves_section(part: Part) -> str:
    """Whether both train the same curves, seeds aside."""
    compared = compare_curves(part["pairs"])
    if not compared:
        return "## The same curves\n\nTwo pairs or more can be compared."
    last = max(row.epoch for row in compared)
    rows = [
        [
            f"{row.curve.replace('val_', 'validation ')}, {row.variant.replace('_', ' ')}",
            f"{row.plain:.4f}",
            f"{row.pipeline:.4f}",
            f"{row.difference.value:+.4f}",
            f"{row.difference.low:+.4f} to {row.difference.high:+.4f}",
        ]
        for row in compared
        if row.epoch == last
    ]
    header = [f"mean after epoch {last}", "plain script", "pipeline", "difference", "95 % interval"]
    return "\n\n".join(
        [
            "## The same curves",
            table(header, rows),
            paragraph(
                "Pipeline minus plain script, Welch's interval. Over all epochs, 0 lies in"
                f" {count_with_zero(compared)} of {len(compared)} such intervals."
            ),
        ]
    )


def floor_section(part: Part) -> str:
    """The least time, from operations and bytes, and how far both are from it."""
    pairs, epochs = part["pairs"], part["conditions"]["epochs"]
    rates = {key: median(pair["machine"][key] for pair in pairs) for key in pairs[0]["machine"]}
    least = 2 * floor.epoch_seconds(NETWORK, **IMAGES, **rates)
    rows = [["floor", f"{least:.2f}", "1.0"]]
    for side, name in (("pipeline", "pipeline"), ("plain", "plain script")):
        seconds = median(pair[side]["seconds"] for pair in pairs) / epochs
        rows.append([name, f"{seconds:.2f}", f"{seconds / least:.1f}"])
    flops = floor.update_flops(NETWORK, IMAGES["batch_size"])
    return "\n\n".join(
        [
            "## The floor",
            paragraph(
                f"An update of {IMAGES['batch_size']} images takes {flops / 1e6:.1f} MFLOP, and"
                f" Adam reads and writes {floor.update_bytes(NETWORK) / 1e6:.1f} MB. In the same"
                f" sitting, a float32 matrix product reached {rates['flops_per_second'] / 1e9:.0f}"
                f" GFLOP/s on all cores, and a copy {rates['bytes_per_second'] / 1e9:.1f} GB/s"
                " (medians over the pairs)."
            ),
            table(["both variants", "seconds per epoch", "times the floor"], rows),
        ]
    )
