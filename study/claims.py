"""The claims about Dropout, and the rules that judge them.

The rules were written before the runs. A limit is a choice, so each rule says it, and why.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from study.measurements import Measurements

# What a claim is about that names nothing else.
DATASET, RATE, UNITS = "mnist", 0.5, 128

FEW, MANY = (100, 500, 1000), None  # None: all training images


@dataclass(frozen=True)
class Part:
    """A quantity, and on which side of a limit the claim has it.

    Attributes:
        quantity: what it is.
        values: one per seed; MissingRunsError where the grid has not its runs.
        above, below: the limit; the other one is None.
    """

    quantity: str
    values: Callable[[Measurements], pd.Series]
    above: float | None = None
    below: float | None = None


@dataclass(frozen=True)
class Claim:
    """A claim; it holds where all of its parts do."""

    id: str
    text: str
    rule: str
    parts: tuple[Part, ...]


CLAIMS = (
    Claim(
        "C1",
        "Without Dropout, training accuracy goes to 100 %.",
        "After the last epoch it is above 0.999: fewer than 1 image in 1,000 is still wrong.",
        (
            Part(
                "training accuracy without Dropout",
                lambda runs: runs.of("training_accuracy", rate=0.0),
                above=0.999,
            ),
        ),
    ),
    Claim(
        "C2",
        "Without Dropout, validation loss gets worse as training goes on.",
        "After the last epoch it is more than 10 % above its lowest; a smaller rise is jitter.",
        (
            Part(
                "rise of the validation loss without Dropout, relative",
                lambda runs: runs.relative_rise(rate=0.0),
                above=0.1,
            ),
        ),
    ),
    Claim(
        "C3",
        "With Dropout, training accuracy stays visibly below 100 %.",
        "After the last epoch, as Keras reports it with Dropout at work, it is below 0.995: half a"
        " percentage point can be seen in a curve.",
        (
            Part(
                "training accuracy with Dropout",
                lambda runs: runs.of("training_accuracy"),
                below=0.995,
            ),
        ),
    ),
    Claim(
        "C4",
        "With Dropout, validation accuracy and validation loss stay steady.",
        "The opposite of C2: the loss ends less than 10 % above its lowest; and the accuracy ends"
        " less than 0.002 below its best, twice the sampling error of 12,000 images.",
        (
            Part(
                "rise of the validation loss with Dropout, relative",
                lambda runs: runs.relative_rise(rate=RATE),
                below=0.1,
            ),
            Part(
                "validation accuracy with Dropout, best minus last",
                lambda runs: runs.loss_of_accuracy(),
                below=0.002,
            ),
        ),
    ),
    Claim(
        "C5",
        "Dropout improves accuracy on unseen data.",
        "The gain, paired by seed, is above 0, on both data sets.",
        (
            Part("gain on MNIST", lambda runs: runs.gain(), above=0.0),
            Part(
                "gain on Fashion-MNIST",
                lambda runs: runs.gain(dataset="fashion_mnist"),
                above=0.0,
            ),
        ),
    ),
    Claim(
        "C6",
        "It helps most where data are few.",
        "The mean gain with 100, 500 and 1,000 images, less the gain with all of them, is above 0."
        " (The other half of the claim, or the model is complex, is not tested.)",
        (
            Part(
                "gain with few images minus gain with all",
                lambda runs: runs.mean_gain(FEW) - runs.gain(samples=MANY),
                above=0.0,
            ),
        ),
    ),
    Claim(
        "C7",
        "Its place is after fully connected layers.",
        "Accuracy on unseen images with Dropout after the dense layer, less that with Dropout"
        " elsewhere, is above 0: after the pooling, and after both.",
        (
            Part(
                "dense minus pooling",
                lambda runs: runs.of() - runs.of(placement="pooling"),
                above=0.0,
            ),
            Part(
                "dense minus both",
                lambda runs: runs.of() - runs.of(placement="both"),
                above=0.0,
            ),
        ),
    ),
    Claim(
        "C8",
        "Rates of 0.3 to 0.5 are the ones to try.",
        "Mean accuracy on unseen images with 0.3, 0.4 and 0.5, less that with lower rates (0.1,"
        " 0.2), and less that with higher ones (0.6, 0.7, 0.8), is above 0.",
        (
            Part(
                "rates 0.3 to 0.5 minus lower ones",
                lambda runs: runs.mean_of_rates((0.3, 0.4, 0.5)) - runs.mean_of_rates((0.1, 0.2)),
                above=0.0,
            ),
            Part(
                "rates 0.3 to 0.5 minus higher ones",
                lambda runs: (
                    runs.mean_of_rates((0.3, 0.4, 0.5)) - runs.mean_of_rates((0.6, 0.7, 0.8))
                ),
                above=0.0,
            ),
        ),
    ),
    Claim(
        "C9",
        "At inference every unit is used: Dropout costs nothing there.",
        "No probability changes by 1e-9 when the layer is taken out of the trained network; and a"
        " pass with it takes less than 1.05 times as long, in processor time, in turn.",
        (
            Part(
                "largest difference of a predicted probability",
                lambda runs: runs.largest_difference_of_predictions(),
                below=1e-9,
            ),
            Part(
                "time with the layer over time without",
                lambda runs: runs.ratio_of_times(),
                below=1.05,
            ),
        ),
    ),
)
