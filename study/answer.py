"""The answer in a few lines, in English and in Japanese: its words follow from its figures."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from experiment.data.known import label_of
from experiment.presentation.markdown import item, paragraph
from study.claims import RATE
from study.judging import CONTRADICTED, SUPPORTED, UNDECIDED, verdict_of
from study.results import Results
from study.table import Setting

RISE = "validation_loss_rise"


@dataclass(frozen=True)
class Language:
    """Sentences with gaps.

    Attributes:
        not_measured: where there are no figures.
        opening: what the figures are.
        overfitting, accuracy: by verdict, what Dropout does.
        metrics: names of what measures accuracy.
        figures: of one dataset, with the verdicts before them.
        wrapped: whether a line may end at any blank. Where a script has none between words, a
            line's end would be seen as one.
    """

    not_measured: str
    opening: str
    overfitting: Mapping[str, str]
    accuracy: Mapping[str, str]
    metrics: Mapping[str, str]
    figures: str
    wrapped: bool


ENGLISH = Language(
    not_measured="Not measured yet: `make study`.",
    opening=(
        "What Dropout does, with rate {rate:g} behind the dense layer (means over seeds, with their"
        " {level} % intervals):"
    ),
    overfitting={
        SUPPORTED: "it reduces overfitting",
        CONTRADICTED: "it does not reduce overfitting",
        UNDECIDED: "whether it reduces overfitting is undecided",
    },
    accuracy={
        SUPPORTED: "it improves accuracy on unseen images",
        CONTRADICTED: "it does not improve accuracy on unseen images",
        UNDECIDED: "whether it improves accuracy on unseen images is undecided",
    },
    metrics={
        "test_accuracy": "accuracy on test images",
        "validation_accuracy": "accuracy on validation images",
        "best_validation_accuracy": "the best accuracy on validation images",
    },
    figures=(
        "**{dataset}: {overfitting}; {accuracy}.** Over {seeds} seeds and with {images:,} training"
        " images, {metric} goes from {before:.2f} % to {after:.2f} %, by {gain:+.3f} percentage"
        " points [{gain_low:+.3f} to {gain_high:+.3f}]. The rise of the validation loss, from its"
        " lowest value to the last epoch's, goes from {rise_before:.4f} to {rise_after:.4f}, by"
        " {rise:+.4f} [{rise_low:+.4f} to {rise_high:+.4f}]."
    ),
    wrapped=True,
)

JAPANESE = Language(
    not_measured="未測定です: `make study`",
    opening=(
        "全結合層の直後に置いたドロップアウト（ドロップアウト率 {rate:g}）の効果は次のとおりです"
        "（複数の乱数シードの平均と、その {level}% 信頼区間）。"
    ),
    overfitting={
        SUPPORTED: "過学習を抑えます",
        CONTRADICTED: "過学習を抑えません",
        UNDECIDED: "過学習を抑えるかどうかは判定できません",
    },
    accuracy={
        SUPPORTED: "未知の画像に対する正解率を上げます",
        CONTRADICTED: "未知の画像に対する正解率を上げません",
        UNDECIDED: "未知の画像に対する正解率を上げるかどうかは判定できません",
    },
    metrics={
        "test_accuracy": "テスト画像の正解率",
        "validation_accuracy": "検証画像の正解率",
        "best_validation_accuracy": "検証画像の最高正解率",
    },
    figures=(
        "**{dataset}: {overfitting}。{accuracy}。** シード {seeds} 個、訓練画像 {images:,} 枚で、"
        "{metric}は {before:.2f}% から {after:.2f}% になりました（差は {gain:+.3f} ポイント、"
        "信頼区間は {gain_low:+.3f} 〜 {gain_high:+.3f}）。検証データの損失が最小値から最終エポック"
        "までに増えた量は、{rise_before:.4f} から {rise_after:.4f} になりました（差は {rise:+.4f}、"
        "信頼区間は {rise_low:+.4f} 〜 {rise_high:+.4f}）。"
    ),
    wrapped=False,
)


def answer(results: Results | None, language: Language = ENGLISH) -> str:
    """The difference that Dropout makes, by dataset; a dataset without runs is left out."""
    settings = results.compared() if results else []
    if not results or not settings:
        return language.not_measured
    opening = language.opening.format(rate=RATE, level=results.study.statistics.level)
    items = [_figures(results, setting, language) for setting in settings]
    if language.wrapped:
        return "\n".join([paragraph(opening), "", *map(item, items)])
    return "\n".join([opening, "", *(f"- {text}" for text in items)])


def _figures(results: Results, setting: Setting, language: Language) -> str:
    without = setting.without_dropout()
    gain, rise = (results.difference(setting, metric) for metric in (results.metric, RISE))
    text = language.figures.format(
        dataset=label_of(setting.dataset),
        overfitting=language.overfitting[verdict_of(rise, above=None, below=0.0)],
        accuracy=language.accuracy[verdict_of(gain, above=0.0, below=None)],
        seeds=results.pairs(setting),
        images=setting.train_samples,
        metric=language.metrics[results.metric],
        before=100 * results.mean(without, results.metric),
        after=100 * results.mean(setting, results.metric),
        gain=100 * gain.mean,
        gain_low=100 * gain.low,
        gain_high=100 * gain.high,
        rise_before=results.mean(without, RISE),
        rise_after=results.mean(setting, RISE),
        rise=rise.mean,
        rise_low=rise.low,
        rise_high=rise.high,
    )
    return with_minus(text)


def with_minus(text: str) -> str:
    """A minus sign for the hyphen of each negative number."""
    return re.sub(r"(?<=[ \[(])-(?=\d)", "\N{MINUS SIGN}", text)
