"""Stands for `experiment/network/training.py`: TensorFlow is not started."""


def configure(threads: int) -> None:
    """There is nothing to configure."""


def build_information() -> dict[str, str]:
    return {"tensorflow.revision": "none"}
