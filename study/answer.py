"""The answer in a few lines: its words follow from its figures."""

import re

from experiment.data.known import label_of
from experiment.presentation.markdown import item, paragraph
from study.claims import RATE
from study.judging import CONTRADICTED, SUPPORTED, UNDECIDED, verdict_of
from study.results import Results
from study.table import Setting

RISE = "validation_loss_rise"

NOT_RUN = "Not measured yet: `make study`."
OVERFITTING = {
    SUPPORTED: "it reduces overfitting",
    CONTRADICTED: "it does not reduce overfitting",
    UNDECIDED: "whether it reduces overfitting is undecided",
}
ACCURACY = {
    SUPPORTED: "it improves accuracy on unseen images",
    CONTRADICTED: "it does not improve accuracy on unseen images",
    UNDECIDED: "whether it improves accuracy on unseen images is undecided",
}
METRICS = {
    "test_accuracy": "accuracy on test images",
    "validation_accuracy": "accuracy on validation images",
    "best_validation_accuracy": "the best accuracy on validation images",
}


def answer(results: Results | None) -> str:
    """The difference that Dropout makes, by dataset; a dataset without runs is left out."""
    settings = results.compared() if results else []
    if not results or not settings:
        return NOT_RUN
    opening = paragraph(
        f"What Dropout does, with rate {RATE:g} after the dense layer (means over seeds, with their"
        f" {results.study.statistics.level} % intervals):"
    )
    return "\n".join([opening, "", *(item(_figures(results, setting)) for setting in settings)])


def _figures(results: Results, setting: Setting) -> str:
    without = setting.without_dropout()
    gain, rise = (results.difference(setting, metric) for metric in (results.metric, RISE))
    overfitting = OVERFITTING[verdict_of(rise, above=None, below=0.0)]
    accuracy = ACCURACY[verdict_of(gain, above=0.0, below=None)]
    before, after = (100 * results.mean(s, results.metric) for s in (without, setting))
    rise_before, rise_after = (results.mean(s, RISE) for s in (without, setting))
    return with_minus(
        f"**{label_of(setting.dataset)}: {overfitting}; {accuracy}.** Over"
        f" {results.pairs(setting)} seeds and with {setting.train_samples:,} training images,"
        f" {METRICS[results.metric]} goes from {before:.2f} % to {after:.2f} %, by"
        f" {100 * gain.mean:+.3f} percentage points [{100 * gain.low:+.3f} to"
        f" {100 * gain.high:+.3f}]. The rise of the validation loss, from its lowest value to the"
        f" last epoch's, goes from {rise_before:.4f} to {rise_after:.4f}, by {rise.mean:+.4f}"
        f" [{rise.low:+.4f} to {rise.high:+.4f}]."
    )


def with_minus(text: str) -> str:
    """A minus sign for the hyphen of each negative number."""
    return re.sub(r"(?<=[ \[(])-(?=\d)", "\N{MINUS SIGN}", text)
