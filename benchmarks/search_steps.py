"""A training step of the gradient search over a float step of the same engine, in CPU time; HGQ2 beside it.

    python -m benchmarks.search_steps [--quick] [--json FILE]

The jet MLP 16-64-32-32-5 on drawn data. Float: the same compiled scan with float layers and no price. Widths of weights
per channel, per weight or per tensor, those of activations per channel; the price is part of the step. HGQ2 (over its
own float network, both by `fit`, EBOPs in the loss) runs where BENCH_HGQ_PYTHON names a Python that has it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import jax.numpy as jnp
import keras
import numpy as np

from benchmarks._table import Claim, Outcome, at_most, main
from bitwright.search.gradient import Gradient, trainable_copy
from bitwright.search.gradient.engine import JaxEngine
from bitwright.search.gradient.state import stacked, started
from bitwright.search.losses import loss_for

WIDTHS = (64, 32, 32)
BOUNDS = {"channel": 1.5, "element": 2.5}
"""At batch 16384."""
PEER = Path(__file__).with_name("_search_peer.py")


class Unpriced(JaxEngine):
    """The same engine for a model that costs nothing."""

    def _price(self, trained: Any, others: Any) -> Any:
        return jnp.float32(0)


def network() -> Any:
    """The float network."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((16,))
    for width in WIDTHS:
        x = keras.layers.Dense(width, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(5)(x))


def steps_ms(batch: int, steps: int, rounds: int) -> dict[str, float]:
    """CPU milliseconds of a step by granularity of the weights ("float": without quantizers), timed in turns."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2 * batch, 16)).astype(np.float32), rng.integers(0, 5, 2 * batch)
    source = network()
    loss = loss_for(source, y, None, 0.0)
    models = {kind: trainable_copy(source, x, Gradient(weight_granularity=kind)) for kind in ("tensor", *BOUNDS)}
    engines = {"float": Unpriced(source, loss, "luts", 2.0, 1.0)}
    engines |= {kind: JaxEngine(model, loss, "luts", 2.0, 1.0) for kind, model in models.items()}
    states = {kind: stacked([started(engine.model)]) for kind, engine in engines.items()}
    order = np.stack([rng.permutation(2 * batch)[:batch] for _ in range(steps)])
    data, beta = (jnp.asarray(x), jnp.asarray(y), None), np.full(1, 1e-6)
    times: dict[str, list[float]] = {kind: [] for kind in engines}
    for turn in range(rounds + 1):
        for kind, engine in engines.items():
            since = time.process_time()
            states[kind], _ = engine.epoch(states[kind], data, order, beta, 1e-3)
            if turn:
                times[kind].append((time.process_time() - since) / steps * 1e3)
    return {kind: float(np.median(found)) for kind, found in times.items()}


def peer_rows(batch: int, steps: int, rounds: int) -> list[dict[str, Any]]:
    """HGQ2's rows; none where it is not installed."""
    python = os.environ.get("BENCH_HGQ_PYTHON")
    if python is None:
        return []
    command = [python, str(PEER), str(batch), str(steps), str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"HGQ2 failed in {python}:\n{done.stderr[-2000:]}")
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [row_of("HGQ2", batch, t["widths"], t["step_ms"], t["float_ms"]) for t in told]


def row_of(what: str, batch: int, widths: str, step: float, base: float) -> dict[str, Any]:
    """A line of the table."""
    return {"what": what, "batch": batch, "weights' widths per": widths, "float ms": base, "step ms": step,
            "ratio": step / base}  # fmt: skip


def measure(quick: bool) -> Outcome:
    """Rows for both batches; the bounds hold for the large one."""
    rows, claims = list[dict[str, Any]](), list[Claim]()
    for batch, steps in ((16384, 20), (1024, 200)):
        many, rounds = (steps // 4, 3) if quick else (steps, 9)
        found = steps_ms(batch, many, rounds)
        rows += [row_of("bitwright", batch, k, n, found["float"]) for k, n in found.items() if k != "float"]
        rows += peer_rows(batch, many, rounds)
        if batch == 16384:
            claims += [
                at_most(f"step over float, widths per {kind}, batch {batch}", found[kind] / found["float"], bound)
                for kind, bound in BOUNDS.items()
            ]
    notes = [] if "BENCH_HGQ_PYTHON" in os.environ else ["HGQ2: set BENCH_HGQ_PYTHON to see it here"]
    return Outcome(rows, claims, notes)


if __name__ == "__main__":
    sys.exit(main(measure, __doc__, packages=["keras", "jax", "hgq2"]))
