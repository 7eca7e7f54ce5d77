"""What others measured, as far as it can be compared.

Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, Dropout: A Simple Way to Prevent Neural
Networks from Overfitting, JMLR 15 (2014): dense networks, on MNIST.
https://jmlr.org/papers/v15/srivastava14a.html
"""

SOURCE = "Srivastava et al. 2014, dense networks"

# Test error in percent, ReLU and logistic units, 3 layers of 1,024 with Dropout.
TEST_ERRORS = {"standard": 1.60, "Dropout, logistic": 1.35, "Dropout, ReLU": 1.25}

# Retention probabilities of 0.4 to 0.8, between which the test error is flat.
FLAT_RATES = (0.2, 0.6)

# Numbers of training images with no gain, and with a gain that grows and then gets smaller.
NO_GAIN_SIZES = (100, 500)
GAIN_SIZES = (1_000, 50_000)
