import pytest

from tests.faults.conftest import Row
from tests.faults.kill import VARIANTS, Kill, kill

TIMES = 6  # three of each variant


@pytest.fixture(scope="module")
def kills() -> list[Kill]:
    return list(kill(TIMES, here=False, epochs=None, per_training=3, seed=0))


@pytest.mark.parametrize("variant", VARIANTS)
def test_training_killed_at_random_moments_ends_with_the_same_bytes(
    variant: str, kills: list[Kill], row: Row
) -> None:
    row(fault=f"SIGKILL at three random moments of one training, `{variant}`")
    seen = [each for each in kills if each.variant == variant]
    assert [each.wrong for each in seen] == [()] * 3
    epochs = ", ".join(str(each.resumed) for each in seen)
    row(
        happened=f"went on after epoch {epochs} of 40; the bytes of a training never killed",
        lost="the epoch at work",
    )
