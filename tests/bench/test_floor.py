"""The formulas against numbers worked out by hand."""

import pytest

from bench import floor
from bench.report_pairs import NETWORK

CONVOLUTION = 2 * 32 * 26 * 26 * 32 * 9
DENSE = 2 * 32 * 5408 * 128
OUTPUT = 2 * 32 * 128 * 10


def test_operations_of_each_layer() -> None:
    assert floor.convolution_flops(NETWORK, 32) == CONVOLUTION == 12_460_032
    assert floor.dense_flops(5408, 128, 32) == DENSE == 44_302_336
    assert floor.forward_flops(NETWORK, 32) == CONVOLUTION + DENSE + OUTPUT == 56_844_288


def test_no_gradient_for_the_images() -> None:
    """Forward and the filters' gradient; for the dense layers also that of their input."""
    assert floor.update_flops(NETWORK, 32) == 2 * CONVOLUTION + 3 * DENSE + 3 * OUTPUT


def test_parameters_and_bytes() -> None:
    assert NETWORK.parameters == 9 * 32 + 32 + 5408 * 128 + 128 + 128 * 10 + 10 == 693_962
    assert floor.update_bytes(NETWORK) == 7 * 4 * 693_962


def test_odd_rows_are_left_out_by_the_pooling() -> None:
    small = floor.Network(side=7, kernel=3, filters=4, pool=2, units=3, classes=2)
    assert (small.convolved, small.features) == (5, 2 * 2 * 4)


def test_seconds_of_an_epoch() -> None:
    """258.4 GFLOP and 29.1 GB; a last batch that is not full is an update all the same."""
    rates = {"flops_per_second": 1e11, "bytes_per_second": 1e10}
    seconds = floor.epoch_seconds(
        NETWORK, batch_size=32, train_images=48_000, validation_images=12_000, **rates
    )
    assert seconds == pytest.approx(2.58425856 + 2.9146404)
    one_more = floor.epoch_seconds(
        NETWORK, batch_size=32, train_images=48_001, validation_images=12_000, **rates
    )
    assert one_more - seconds == pytest.approx(4_939_776 / 1e11 + 19_430_936 / 1e10)
