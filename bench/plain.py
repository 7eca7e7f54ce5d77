"""The same experiment as a tutorial would write it: what the pipeline is compared with."""

import argparse
import json
from pathlib import Path

import matplotlib
import numpy as np
from tensorflow import keras
from tensorflow.keras import layers

matplotlib.use("Agg")
import matplotlib.pyplot as plt

parser = argparse.ArgumentParser()
parser.add_argument("data", type=Path, help="mnist.npz, as keras.datasets.mnist downloads it")
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--output", type=Path, default=Path())
arguments = parser.parse_args()

with np.load(arguments.data) as data:
    x_train, y_train = data["x_train"], data["y_train"]
    x_test, y_test = data["x_test"], data["y_test"]
x_train = (x_train / 255.0).reshape(-1, 28, 28, 1)
x_test = (x_test / 255.0).reshape(-1, 28, 28, 1)


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


histories = {}
for name, dropout in (("without Dropout", False), ("with Dropout", True)):
    model = build_model(dropout)
    history = model.fit(
        x_train, y_train, epochs=arguments.epochs, batch_size=32, validation_split=0.2
    )
    histories[name] = history.history
    test_loss, test_accuracy = model.evaluate(x_test, y_test)
    print(f"{name}: test accuracy {test_accuracy:.4f}")

(arguments.output / "history.json").write_text(json.dumps(histories))

for metric in ("accuracy", "loss"):
    plt.figure()
    for name, curves in histories.items():
        plt.plot(curves[metric], linestyle="--", label=f"training, {name}")
        plt.plot(curves[f"val_{metric}"], label=f"validation, {name}")
    plt.legend()
    plt.savefig(arguments.output / f"{metric}.png")
