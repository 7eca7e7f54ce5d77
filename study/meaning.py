"""What the claims, as judged, mean for someone who trains networks."""

from experiment.presentation.markdown import item
from study.claims import DATASET, RATE, UNITS
from study.judging import CONTRADICTED, SUPPORTED, UNDECIDED
from study.results import Results
from study.table import Setting

# By claim and verdict.
ADVICE = {
    "C2": {
        SUPPORTED: "**Keep the best epoch, not the last one.** Without Dropout the validation loss"
        " gets worse long before the training ends{best_epoch}.",
        CONTRADICTED: "**Training on is harmless here.** Without Dropout the validation loss ends"
        " close to its lowest value.",
        UNDECIDED: "**Watch the validation loss.** Whether it gets worse without Dropout, these"
        " runs do not decide.",
    },
    "C4": {
        SUPPORTED: "**With Dropout the last epoch is about as good as the best one**, in validation"
        " loss and accuracy.",
        CONTRADICTED: "**Dropout does not replace early stopping.** With it, too, the last epoch is"
        " worse than the best one, in validation loss or accuracy.",
        UNDECIDED: "**Do not rely on Dropout instead of early stopping.** Whether the last epoch is"
        " then as good as the best one is not decided.",
    },
    "C5": {
        SUPPORTED: "**Dropout after the dense layer is worth its line**: accuracy on unseen images"
        " improves on both data sets.",
        CONTRADICTED: "**Do not add Dropout for the accuracy alone.** On one of the two data sets"
        " at least, accuracy on unseen images does not improve.",
        UNDECIDED: "**Do not count on Dropout for accuracy.** On one of the two data sets at least,"
        " its gain cannot be told from none with this many seeds.",
    },
    "C6": {
        SUPPORTED: "**Try it first where images are few**: there it gains more than with all of"
        " them.",
        CONTRADICTED: "**Few images are no reason for Dropout here**: it gains no more with them"
        " than with all.",
        UNDECIDED: "**Try it with your own number of images.** Whether it gains more with few than"
        " with all is not decided.",
    },
    "C7": {
        SUPPORTED: "**Put it after the dense layer**: after the pooling, or both, accuracy on"
        " unseen images is lower.",
        CONTRADICTED: "**Try it after the pooling, too**: there, or in both places, accuracy on"
        " unseen images is no lower than after the dense layer.",
        UNDECIDED: "**Put it after the dense layer, or try**: no other place is surely better,"
        " but one at least cannot be told from it with this many seeds.",
    },
    "C8": {
        SUPPORTED: "**Start with a rate of 0.3 to 0.5**: lower and higher ones are worse.",
        CONTRADICTED: "**Try rates outside of 0.3 to 0.5, too**: lower or higher ones are no"
        " worse.",
        UNDECIDED: "**Do not tune the rate finely.** Neither lower nor higher rates are surely"
        " better than 0.3 to 0.5, but one of the two cannot be told from it with this many seeds.",
    },
    "C9": {
        SUPPORTED: "**It costs nothing when the network is used**: the same predictions, in times"
        " that its rule counts as the same.",
        CONTRADICTED: "**It costs something when the network is used**: predictions or time differ"
        " with the layer taken out.",
        UNDECIDED: "**What it costs when the network is used is not decided**: measure the time of"
        " your own.",
    },
}


def meaning_section(results: Results) -> str:
    """Advice, as far as claims were judged, and how much seeds alone change."""
    gaps = {"best_epoch": _best_epoch(results)}
    items = [
        ADVICE[claim.id][claim.verdict].format(**gaps)
        for claim in results.claims
        if claim.verdict in ADVICE.get(claim.id, {})
    ]
    return "\n".join(item(text) for text in [*items, *_spread(results)])


def _best_epoch(results: Results) -> str:
    setting = Setting(DATASET, "none", 0.0, results.table.all_samples(DATASET), UNITS)
    if setting not in results.settings():
        return ""
    return f" (it is lowest after epoch {results.mean(setting, 'best_epoch'):.1f}, on average)"


def _spread(results: Results) -> list[str]:
    """How far runs are apart that differ in the seed alone; nothing if there are none."""
    samples = results.table.all_samples(DATASET)
    dropout = Setting(DATASET, "dense", RATE, samples, UNITS)
    pair = [dropout.without_dropout(), dropout]
    if not set(pair) <= set(results.settings()):
        return []
    without, with_dropout = (
        100 * results.summary["settings"][str(setting)][results.metric]["sd"] for setting in pair
    )
    return [
        "**Do not trust a single run.** With nothing but another seed, accuracy on unseen images"
        f" has a standard deviation of {without:.3f} percentage points without and"
        f" {with_dropout:.3f} with Dropout; the difference of two runs has √2 times as much."
    ]
