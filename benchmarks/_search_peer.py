"""HGQ2's part of `benchmarks.search_steps`: a step of its jet MLP over the float one, in its own Python.

Imports nothing of the benchmark package. The price (EBOPs) is part of the loss. Prints one JSON line per case:
{"widths", "batch", "float_ms", "step_ms"}, CPU time.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
from hgq.config import LayerConfigScope, QuantizerConfigScope  # pyright: ignore[reportMissingImports]
from hgq.layers import QDense  # pyright: ignore[reportMissingImports]

WIDTHS = (64, 32, 32)


def network(dense: Any) -> Any:
    """16-64-32-32-5, ready to fit."""
    layers = [dense(width, activation="relu") for width in WIDTHS]
    model = keras.Sequential([keras.Input((16,)), *layers, dense(5)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss)
    return model


def quantized(per_weight: bool) -> Any:
    """With a width for each weight, or one for each of its channels; activations per channel either way."""
    weights = {"homogeneous_axis": () if per_weight else (0,)}
    with (
        QuantizerConfigScope(place="weight", **weights),
        QuantizerConfigScope(place="datalane", homogeneous_axis=(0,)),
        LayerConfigScope(enable_ebops=True, beta0=1e-6),
    ):
        return network(QDense)


def main(batch: int, steps: int, rounds: int) -> None:
    """Time all three in turns."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(batch * steps, 16)).astype(np.float32), rng.integers(0, 5, batch * steps)
    models = {"float": network(keras.layers.Dense), "channel": quantized(False), "element": quantized(True)}
    times: dict[str, list[float]] = {name: [] for name in models}
    for turn in range(rounds + 1):
        for name, model in models.items():
            since = time.process_time()
            model.fit(x, y, batch_size=batch, verbose=0)
            if turn:
                times[name].append((time.process_time() - since) / steps * 1e3)
    base = float(np.median(times["float"]))
    for name in ("channel", "element"):
        told = {"widths": name, "batch": batch, "float_ms": base, "step_ms": float(np.median(times[name]))}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:4]))
