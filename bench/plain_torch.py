"""The same experiment in PyTorch, as its tutorials would write it."""

import argparse
import json
from pathlib import Path

import matplotlib
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

matplotlib.use("Agg")
import matplotlib.pyplot as plt

parser = argparse.ArgumentParser()
parser.add_argument("data", type=Path, help="mnist.npz, as keras.datasets.mnist downloads it")
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--output", type=Path, default=Path())
arguments = parser.parse_args()

device = "cuda" if torch.cuda.is_available() else "cpu"


def read_dataset(data, part):
    images = torch.tensor(data[f"x_{part}"], dtype=torch.float32).unsqueeze(1) / 255
    return TensorDataset(images, torch.tensor(data[f"y_{part}"], dtype=torch.int64))


with np.load(arguments.data) as data:
    train_data, test_data = read_dataset(data, "train"), read_dataset(data, "test")
train_data, validation_data = random_split(train_data, [0.8, 0.2])
train_loader = DataLoader(train_data, batch_size=32, shuffle=True)
validation_loader = DataLoader(validation_data, batch_size=32)
test_loader = DataLoader(test_data, batch_size=32)


def build_model(rate):
    return nn.Sequential(
        nn.Conv2d(1, 32, kernel_size=3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(13 * 13 * 32, 128),
        nn.ReLU(),
        nn.Dropout(rate),
        nn.Linear(128, 10),
    )


def run_epoch(model, loader, loss_function, optimizer=None):
    """Returns loss and accuracy; trains if there is an optimizer."""
    total_loss, correct = 0.0, 0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        outputs = model(images)
        loss = loss_function(outputs, labels)
        if optimizer:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        total_loss += loss.item() * len(labels)
        correct += (outputs.argmax(1) == labels).sum().item()
    return total_loss / len(loader.dataset), correct / len(loader.dataset)


histories = {}
for name, rate in (("without Dropout", 0.0), ("with Dropout", 0.5)):
    model = build_model(rate).to(device)
    loss_function = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    history = {"accuracy": [], "loss": [], "val_accuracy": [], "val_loss": []}
    for epoch in range(arguments.epochs):
        model.train()
        loss, accuracy = run_epoch(model, train_loader, loss_function, optimizer)
        model.eval()
        with torch.no_grad():
            val_loss, val_accuracy = run_epoch(model, validation_loader, loss_function)
        for key, value in zip(history, (accuracy, loss, val_accuracy, val_loss), strict=True):
            history[key].append(value)
        print(f"Epoch {epoch + 1}: loss {loss:.4f}, validation accuracy {val_accuracy:.4f}")
    histories[name] = history
    with torch.no_grad():
        test_loss, test_accuracy = run_epoch(model, test_loader, loss_function)
    print(f"{name}: test accuracy {test_accuracy:.4f}")

(arguments.output / "history.json").write_text(json.dumps(histories))

for metric in ("accuracy", "loss"):
    plt.figure()
    for name, curves in histories.items():
        plt.plot(curves[metric], linestyle="--", label=f"training, {name}")
        plt.plot(curves[f"val_{metric}"], label=f"validation, {name}")
    plt.legend()
    plt.savefig(arguments.output / f"{metric}.png")
