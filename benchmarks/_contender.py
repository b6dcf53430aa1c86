"""One contender of `benchmarks.training`: times its quantized networks beside the same float networks.

Run in the contender's own Python: `python _contender.py KIND QUICK`, KIND one of bitwright, qkeras, hgq.
Imports nothing of the benchmark package, so that an environment needs only Keras and the contender.
Prints one JSON line per network.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
from keras import layers as kl

Layers = tuple[Callable[..., Any], Callable[..., Any], Callable[[], Any]]
"""dense(units), conv(filters) and the hidden activation, each making a layer."""


def float_layers() -> Layers:
    """The same network without quantizers."""
    return kl.Dense, lambda f: kl.Conv2D(f, 3), lambda: kl.Activation("relu")


def qkeras_layers(q: Any, alpha: str) -> Layers:
    """Six bits everywhere, as the QKeras tagger has them; `q` has QKeras's names."""

    scale = alpha if alpha == "1" else repr(alpha)

    def weights() -> dict[str, Any]:
        # A bias keeps a fixed step, as in every QKeras example: only kernels take an automatic scale.
        return {
            "kernel_quantizer": f"quantized_bits(6,0,alpha={scale})",
            "bias_quantizer": "quantized_bits(6,0,alpha=1)",
        }

    return (
        lambda units: q.QDense(units, **weights()),
        lambda filters: q.QConv2D(filters, 3, **weights()),
        lambda: q.QActivation("quantized_relu(6,2)"),
    )


def hgq_layers() -> Layers:
    """HGQ2's layers with its default trainable widths; its activation lives in the next layer's input."""
    from hgq.layers import QConv2D, QDense  # pyright: ignore[reportMissingImports]

    return QDense, lambda f: QConv2D(f, 3), lambda: kl.Activation("relu")


def layers_of(kind: str, alpha: str) -> Layers:
    """The layers of one contender."""
    if kind == "bitwright":
        import bitwright.qkeras

        return qkeras_layers(bitwright.qkeras, alpha)
    if kind == "qkeras":
        import qkeras  # pyright: ignore[reportMissingImports]

        return qkeras_layers(qkeras, alpha)
    return hgq_layers()


def mlp(layers: Layers) -> Any:
    """16-64-32-32-5."""
    dense, _, active = layers
    parts: list[Any] = [keras.Input((16,))]
    for units in (64, 32, 32):
        parts += [dense(units), active()]
    return keras.Sequential([*parts, dense(5)])


def cnn(layers: Layers) -> Any:
    """28x28: two convolutions of 16 and 32 filters with pooling, then 10 classes."""
    dense, conv, active = layers
    parts: list[Any] = [keras.Input((28, 28, 1))]
    for filters in (16, 32):
        parts += [conv(filters), active(), kl.MaxPooling2D()]
    return keras.Sequential([*parts, kl.Flatten(), dense(10)])


def cpu_s(call: Callable[[], Any]) -> float:
    """CPU seconds of all threads that `call` takes."""
    start = time.process_time()
    call()
    return time.process_time() - start


def compiled(model: Any) -> Any:
    """The model, ready to fit."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss)
    return model


def compare(build: Callable[[Layers], Any], mine: Layers, batch: int, steps: int, rounds: int) -> dict[str, float]:
    """CPU milliseconds of a step for the float and the quantized network, in turns; the first step in seconds."""
    rng = np.random.default_rng(0)
    models = {"float": compiled(build(float_layers())), "quantized": compiled(build(mine))}
    shape = models["float"].input_shape[1:]
    x = rng.normal(size=(batch * steps, *shape)).astype(np.float32)
    y = rng.integers(0, 5, batch * steps)
    found: dict[str, float] = {}
    times: dict[str, list[float]] = {f"{name}_{what}": [] for name in models for what in ("step", "predict")}
    for name, model in models.items():
        start = time.perf_counter()
        found[f"{name}_first_s"] = cpu_s(lambda model=model: model.fit(x[:batch], y[:batch], batch, verbose=0))
        found[f"{name}_first_wall_s"] = time.perf_counter() - start
        model.fit(x, y, batch, verbose=0)
        model.predict(x, batch, verbose=0)
    for _ in range(rounds):
        for name, model in models.items():
            times[f"{name}_step"].append(cpu_s(lambda model=model: model.fit(x, y, batch, verbose=0)) / steps * 1e3)
            times[f"{name}_predict"].append(cpu_s(lambda model=model: model.predict(x, batch, verbose=0)) / steps * 1e3)
    return found | {name: float(np.median(values)) for name, values in times.items()}


def run(kind: str, quick: bool) -> None:
    """One line of JSON per network, scale of the weights and batch size."""
    cases = [("jet MLP", mlp, 1024, 200), ("jet MLP", mlp, 16384, 20), ("small CNN", cnn, 128, 20)]
    for alpha in ("1",) if kind == "hgq" else ("1", "auto_po2"):
        for name, build, batch, steps in cases[:: 2 if quick else 1]:
            mine = layers_of(kind, alpha)
            told = compare(build, mine, batch, steps // 2 if quick else steps, 5 if quick else 9)
            print(json.dumps({"network": name, "alpha": alpha, "batch": batch, **told}), flush=True)


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2:] == ["quick"])
