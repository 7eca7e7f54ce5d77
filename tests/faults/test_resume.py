from tests.faults.conftest import Row
from tests.faults.kill import kill

TIMES = 2


def test_training_killed_at_random_moments_ends_with_the_same_bytes(row: Row) -> None:
    """And trains no epoch again that it has said to be finished: some were, at these moments."""
    row(fault="SIGKILL at two random moments of one training, `dropout`")
    kills = [*kill(["dropout"], TIMES, here=False, epochs=None, per_training=TIMES, seed=0)]
    assert [each.wrong for each in kills] == [()] * TIMES
    assert all(each.resumed >= each.finished for each in kills)
    assert any(each.finished > 0 for each in kills)
    epochs = ", ".join(str(each.resumed) for each in kills)
    row(
        happened=f"went on after epoch {epochs} of 40; the bytes of a training never killed",
        lost="the epoch at work",
    )
