"""What trains: the network, its training, and where a training stands after an epoch."""

# Version of the numerics: part of the name of every stored run. Raise it with a change that moves
# the bits of a training on purpose; the golden test fails when they move and this did not.
NUMERICS = "1"
