from pathlib import Path

import pytest

from tests.conftest import Run


def test_unknown_variant_is_refused(run: Run, workspace: Path) -> None:
    done = run(workspace, "stages.train", "half_dropout")
    assert done.returncode == 2
    assert "invalid choice: 'half_dropout' (choose from" in done.stderr


def test_missing_images_are_one_line_before_tensorflow_is_imported(
    run: Run, workspace: Path
) -> None:
    done = run(workspace, "stages.train", "dropout", PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 1
    line = done.stderr.splitlines()[-1]
    assert line == "train dropout: data/processed/train.npz: no such file; check the path"
    assert "tensorflow" not in done.stderr


@pytest.mark.parametrize("content", [b"", b"<html>"])
def test_damaged_images_are_one_line(content: bytes, run: Run, workspace: Path) -> None:
    (workspace / "data/processed").mkdir()
    (workspace / "data/processed/train.npz").write_bytes(content)
    done = run(workspace, "stages.train", "dropout")
    assert done.returncode == 1
    assert done.stderr.startswith("train dropout: data/processed/train.npz: not a whole .npz file")
    assert done.stderr.count("\n") == 1
