"""From a `.keras` file to written Verilog: seconds without imports, and the memory of the process.

The jet tagger at 6 bits and a dense 784-64-32-10 with 6-bit weights.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np

from benchmarks._table import Outcome, at_most, main, peak_memory_mib, timed


def mnist_full() -> Any:
    """784-64-32-10: the whole image, 6-bit weights and activations."""
    from bitwright.quantizers import quantized_relu
    from bitwright.train.zoo import quantized_mlp

    return quantized_mlp(784, (64, 32, 10), "mnist784", input_quantizer=quantized_relu(6, 0), activation_integer=3)


def randomize(model: Any) -> Any:
    """Weights that use most of their 6 bits."""
    rng = np.random.default_rng(1)
    for layer in model.layers:
        layer.set_weights([(rng.normal(size=w.shape) * 0.3).astype(np.float32) for w in layer.get_weights()])
    return model


def measure(quick: bool) -> Outcome:
    """Seconds for reading, lowering and writing each model."""
    import bitwright as bw
    from bitwright.train.zoo import jet_tagger

    jobs: list[tuple[str, Any, float]] = [("jets 16-64-32-32-5, 6 bits", jet_tagger(6), 3.0)]
    if not quick:
        jobs.append(("784-64-32-10, 6 bits", mnist_full(), 60.0))
    bw.compile(randomize(jet_tagger(4)))  # imports and the backend's start, which are not counted
    rows, claims = [], []
    for name, model, bound in jobs:
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "model.keras"
            randomize(model).save(path)
            with timed() as clock:
                design = bw.compile(path)
                design.write(Path(scratch) / "out")
        row = {
            "model": name,
            "seconds": clock.seconds,
            "words": len(design.netlist),
            "LUT predicted": design.estimate().luts,
        }
        rows.append({**row, "peak MiB of the process": peak_memory_mib()})
        claims.append(at_most(f"{name}: seconds from .keras to Verilog", clock.seconds, bound))
    return Outcome(rows, claims)


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["numpy", "keras", "jax"]))
