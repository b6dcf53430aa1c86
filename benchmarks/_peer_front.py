"""HGQ2 and HGQ-LUT on prepared samples, and Alkaid on what they train: `python _peer_front.py FOLDER`.

Run in a Python that has hgq2 and alkaid. Reads data.npz in FOLDER (x and y of train, validation and test, scaled) and
told.json: family ("hgq2": adders, or "hgq-lut": tables), widths (units of the layers), ebops (from, to), seconds, seed.
One run leaves a front: beta rises evenly on a logarithmic scale over the time, the learning rate falls in cosines that
restart, an epoch is one compiled scan, and what validation accuracy and EBOPs leave unbeaten is kept. Ranges are traced
anew on the training samples before points are chosen by validation. Writes Verilog below FOLDER, prints a JSON line:
points, epochs, seconds.
"""

from __future__ import annotations

import json
import os
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import keras
import numpy as np
from alkaid.codegen import RTLModel  # pyright: ignore[reportMissingImports]
from alkaid.converter import trace_model  # pyright: ignore[reportMissingImports]
from alkaid.trace import trace  # pyright: ignore[reportMissingImports]
from hgq.config import LayerConfigScope, QuantizerConfigScope  # pyright: ignore[reportMissingImports]
from hgq.layers import QDense, QDenseT  # pyright: ignore[reportMissingImports]
from hgq.utils import trace_minmax  # pyright: ignore[reportMissingImports]

BETA = {"hgq2": (3e-7, 1e-3), "hgq-lut": (3e-7, 1e-3)}
RATES, CYCLES = (5e-3, 2e-4), 12
BATCH, LEAST_STEPS = int(os.environ.get("PEER_BATCH", "2048")), 16
POINTS = int(os.environ.get("PEER_POINTS", "10"))


def network(family: str, inputs: int, widths: list[int]) -> Any:
    """The family's network with the quantizers that its readme begins with."""
    with (
        QuantizerConfigScope(place="all", default_q_type="kbi", overflow_mode="SAT_SYM"),
        QuantizerConfigScope(place="datalane", default_q_type="kif", overflow_mode="WRAP"),
        LayerConfigScope(enable_ebops=True, beta0=BETA[family][0]),
    ):
        if family == "hgq2":
            parts = [QDense(units, activation="relu") for units in widths[:-1]] + [QDense(widths[-1])]
        else:
            parts = [QDenseT(units) for units in widths]
        return keras.Sequential([keras.Input((inputs,)), *parts])


class Training:
    """The state of a model outside of Keras, and one compiled epoch."""

    def __init__(self, model: Any, x: Any, y: Any) -> None:
        self.model, self.x, self.y = model, x, y
        self.batch = min(BATCH, max(len(x) // LEAST_STEPS, 1))
        self.optimizer = keras.optimizers.Adam(RATES[0])
        self.optimizer.build(model.trainable_variables)
        self.trained = [v.value for v in model.trainable_variables]
        self.other = [v.value for v in model.non_trainable_variables]
        self.moments = [v.value for v in self.optimizer.variables]
        paths = [v.path for v in model.non_trainable_variables]
        self.betas = [i for i, path in enumerate(paths) if path.endswith("/beta")]
        self.ebops = [i for i, path in enumerate(paths) if path.endswith("/ebops")]
        self.rate = next(i for i, v in enumerate(self.optimizer.variables) if "learning_rate" in v.path)
        self._epoch = jax.jit(self._scan)

    def _loss(self, trained: Any, other: Any, x: Any, y: Any) -> Any:
        out, other, extra = self.model.stateless_call(trained, other, x, training=True, return_losses=True)
        error = keras.losses.sparse_categorical_crossentropy(y, out, from_logits=True)
        return keras.ops.mean(error) + sum(extra), other

    def _scan(self, state: Any, x: Any, y: Any) -> Any:
        def step(state: Any, batch: Any) -> Any:
            trained, other, moments = state
            (_, other), slopes = jax.value_and_grad(self._loss, has_aux=True)(trained, other, *batch)
            trained, moments = self.optimizer.stateless_apply(moments, slopes, trained)
            return (trained, other, moments), None

        return jax.lax.scan(step, state, (x, y))[0]

    def epoch(self, rng: np.random.Generator, beta: float, rate: float) -> float:
        """One epoch; EBOPs as the training tells them."""
        steps = len(self.x) // self.batch
        order = rng.permutation(len(self.x))[: steps * self.batch]
        x, y = (a[order].reshape(steps, self.batch, *a.shape[1:]) for a in (self.x, self.y))
        for index in self.betas:
            self.other[index] = jax.numpy.full_like(self.other[index], beta)
        self.moments[self.rate] = jax.numpy.asarray(rate, self.moments[self.rate].dtype)
        state = self._epoch((self.trained, self.other, self.moments), x, y)
        self.trained, self.other, self.moments = (list(part) for part in state)
        return float(sum(self.other[index] for index in self.ebops))

    def snapshot(self) -> list[np.ndarray]:
        """All weights, in the order of `restore`."""
        return [np.asarray(a) for a in (*self.trained, *self.other)]

    def restore(self, kept: list[np.ndarray]) -> None:
        """Weights of a snapshot into the model."""
        for variable, value in zip(
            (*self.model.trainable_variables, *self.model.non_trainable_variables), kept, strict=True
        ):
            variable.assign(value)


def share(low: float, high: float, part: float) -> float:
    """Between `low` and `high`, evenly on a logarithmic scale."""
    return float(low * (high / low) ** part)


def trained(told: dict[str, Any], data: Any) -> tuple[Any, Training, list[tuple[Any, ...]], int]:
    """Model, training, the unbeaten (EBOPs, accuracy, snapshot), epochs."""
    family, seed, seconds = told["family"], told["seed"], told["seconds"]
    keras.utils.set_random_seed(seed)
    model = network(family, data["x_train"].shape[1], told["widths"])
    training, rng = Training(model, data["x_train"], data["y_train"]), np.random.default_rng(seed)
    score = jax.jit(lambda t, o, x: model.stateless_call(t, o, x, training=False)[0])
    kept: list[tuple[Any, ...]] = []
    epochs, since = 0, time.perf_counter()
    while (part := (time.perf_counter() - since) / seconds) < 1:
        cycle = part * CYCLES % 1
        rate = RATES[1] + (RATES[0] - RATES[1]) * (1 + np.cos(np.pi * cycle)) / 2
        ebops = training.epoch(rng, share(*BETA[family], part), rate)
        out = np.asarray(score(training.trained, training.other, data["x_validation"]))
        accuracy = float((out.argmax(1) == data["y_validation"]).mean())
        epochs += 1
        if not any(e <= ebops and a >= accuracy for e, a, _ in kept):
            kept = [k for k in kept if not (k[0] >= ebops and k[1] <= accuracy)]
            kept.append((ebops, accuracy, training.snapshot()))
    return model, training, sorted(kept, key=lambda k: k[0]), epochs


def chosen(kept: list[tuple[Any, ...]], ends: tuple[float, float]) -> list[tuple[Any, ...]]:
    """The most accurate snapshot of each of POINTS parts of the EBOPs."""
    edges = np.geomspace(*ends, POINTS + 1)
    parts = [[k for k in kept if low <= k[0] < high] for low, high in pairwise(edges)]
    return [max(part, key=lambda k: k[1]) for part in parts if part]


def built(model: Any, folder: Path) -> list[str]:
    """The model as Alkaid's Verilog; sources relative to `folder`."""
    inputs, outputs = trace_model(model)
    RTLModel(trace(inputs, outputs), path=folder / "rtl", prj_name="peer").write()
    found = [path for path in sorted((folder / "rtl" / "src").rglob("*.v")) if "wrapper" not in path.name]
    text = "\n".join(path.read_text() for path in found if path.parent.name != "static")
    used = [path for path in found if path.parent.name != "static" or f"{path.stem} #" in text]
    return [str(path) for path in used]


def main(folder: Path) -> None:
    """Train, choose, build, tell."""
    data, told = dict(np.load(folder / "data.npz")), json.loads((folder / "told.json").read_text())
    model, training, kept, epochs = trained(told, data)
    points: list[dict[str, Any]] = []
    for index, (_, _, snapshot) in enumerate(chosen(kept, told["ebops"])):
        training.restore(snapshot)
        point: dict[str, Any] = {"ebops": float(trace_minmax(model, data["x_train"], batch_size=16384))}
        for part in ("validation", "test"):
            out = np.asarray(model.predict(data[f"x_{part}"], batch_size=16384, verbose=0))
            point[part] = float((out.argmax(1) == data[f"y_{part}"]).mean())
        points.append(point | {"sources": built(model, folder / f"point{index}")})
    print(json.dumps({"points": points, "epochs": epochs, "seconds": told["seconds"]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
