"""The study as pictures."""

from experiment.common.errors import one_line_errors
from experiment.common.files import write_figure
from experiment.presentation.style import AXIS_LABELS, plain_style
from study.curve_pictures import draw_curves
from study.effect_pictures import draw_rates, draw_sizes
from study.parameters import load_study_parameters
from study.paths import BANDS, PLOTS, RUNS
from study.table import read_rows, read_table

DOTS_PER_INCH = 200


def main() -> None:
    """Draws the curves with their bands, error against rate, and gain against size."""
    with one_line_errors("plot_study"), plain_style(font_size=13):
        how = load_study_parameters().statistics
        table = read_table(RUNS, needed=[how.primary_metric])
        bands = read_rows(BANDS, needed=["dataset", "epoch", "val_accuracy_low"])
        pictures = {metric: draw_curves(bands, metric, how) for metric in AXIS_LABELS}
        pictures |= {"rates": draw_rates(table, how), "sizes": draw_sizes(table, how)}
        for name, figure in pictures.items():
            write_figure(PLOTS / f"study_{name}.png", figure, DOTS_PER_INCH)


if __name__ == "__main__":
    main()
