"""The same experiment as a Keras tutorial would write it: what the pipeline is compared with.

No seed is set. After `keras.utils.set_random_seed`, `fit(shuffle=True)` on arrays would repeat one
order of the images in every epoch (https://github.com/tensorflow/tensorflow/issues/35682).
"""

import argparse
from pathlib import Path

import matplotlib
import numpy as np
from tensorflow import keras
from tensorflow.keras import layers

matplotlib.use("Agg")
import matplotlib.pyplot as plt

parser = argparse.ArgumentParser()
parser.add_argument("data", type=Path, help="folder of train.npz, validation.npz and test.npz")
parser.add_argument("output", type=Path, help="folder for models and pictures")
parser.add_argument("--epochs", type=int, default=20)
arguments = parser.parse_args()


def load_split(name):
    with np.load(arguments.data / f"{name}.npz") as data:
        return data["images"] / 255.0, data["labels"]


def build_model(dropout):
    model = keras.Sequential()
    model.add(keras.Input((28, 28, 1)))
    model.add(layers.Conv2D(32, (3, 3), activation="relu"))
    model.add(layers.MaxPooling2D((2, 2)))
    model.add(layers.Flatten())
    model.add(layers.Dense(128, activation="relu"))
    if dropout:
        model.add(layers.Dropout(0.5))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


x_train, y_train = load_split("train")
validation, test = load_split("validation"), load_split("test")
histories = {}
for name, dropout in (("no_dropout", False), ("dropout", True)):
    model = build_model(dropout)
    history = model.fit(
        x_train, y_train, epochs=arguments.epochs, batch_size=32, validation_data=validation
    )
    histories[name] = history.history
    test_loss, test_accuracy = model.evaluate(*test)
    print(f"{name}: test accuracy {test_accuracy:.4f}")
    model.save(arguments.output / f"{name}.keras")

for metric in ("accuracy", "loss"):
    plt.figure()
    for name, curves in histories.items():
        plt.plot(curves[metric], linestyle="--", label=f"training, {name}")
        plt.plot(curves[f"val_{metric}"], label=f"validation, {name}")
    plt.legend()
    plt.savefig(arguments.output / f"{metric}.png")
