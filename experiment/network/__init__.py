"""The network, its training, and the checkpoints of a training."""

# Version of the numerics: part of the name of every stored run. Raise it with a change that moves
# the bits of a training on purpose; the golden test fails when they move and this did not.
NUMERICS = "1"
