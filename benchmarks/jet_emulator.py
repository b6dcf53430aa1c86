"""Samples a second of the jet tagger's emulator (6 bits, 16-64-32-32-5), beside Keras and, where installed, peers.

Peers run in the Python that has them (BENCH_HLS4ML_PYTHON, BENCH_ALKAID_PYTHON, or this one). A bare numpy loop of the
same products in float32 shows what the machine could do at most.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import pairwise
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np

from benchmarks._peers import python_of
from benchmarks._table import Outcome, at_least, equal, main, timed

SIZES = (16, 64, 32, 32, 5)


def best_rate(call: Callable[[], Any], samples: int, times: int = 5) -> float:
    """Million samples a second of the fastest of `times` calls."""
    call()
    best = float("inf")
    for _ in range(times):
        with timed() as clock:
            call()
        best = min(best, clock.seconds)
    return samples / best / 1e6


def bare_loop(x: np.ndarray, threads: int) -> Callable[[], Any]:
    """Products, rounding and clips in float32 without any exactness: the machine's ceiling."""
    from concurrent.futures import ThreadPoolExecutor

    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(0)
    matrices = [rng.integers(-31, 32, pair).astype(np.float32) / 32 for pair in pairwise(SIZES)]

    def part(start: int) -> None:
        h = x[start : start + 4096]
        for matrix in matrices:
            h = h @ matrix
            np.rint(h, out=h)
            np.clip(h, 0, 63, out=h)

    def call() -> None:
        with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
            list(pool.map(part, range(0, len(x), 4096)))

    return call


def measure(quick: bool) -> Outcome:
    """Rates of the emulator, a bare loop, Keras predict and the peers that are installed."""
    from bitwright.flow.compiling import compile_model
    from bitwright.train.zoo import jet_tagger

    count = 400_000 if quick else 2_000_000
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(count, 16)) * 2).astype(np.float32)
    model = jet_tagger(6, softmax=False)
    randomize(model)
    design = compile_model(model, name="jets")
    mine = best_rate(lambda: design.predict(x), count)
    few = x[: count // 4]
    keras_rate = best_rate(lambda: model.predict(few, batch_size=16384, verbose=0), len(few), 3)
    rows = [
        {"what": "bitwright emulator, floats in and out", "Msamples/s": mine, "ratio": 1.0},
        {"what": "bare float32 loop", "Msamples/s": (bare := best_rate(bare_loop(x, 2), count)), "ratio": bare / mine},
        {"what": "Keras predict (jax)", "Msamples/s": keras_rate, "ratio": keras_rate / mine},
        *peers(mine, quick),
    ]
    differing = int((design.predict(few[:20000]) != model.predict(few[:20000], verbose=0)).sum())
    claims = [
        at_least("million samples a second of the emulator", mine, 5.0),
        equal("values that differ from Keras on 20000 samples", differing, 0),
    ]
    return Outcome(rows, claims)


def randomize(model: Any) -> None:
    """Weights as training leaves them: normal, most of them small."""
    rng = np.random.default_rng(1)
    for layer in model.layers:
        weights = layer.get_weights()
        layer.set_weights([(rng.normal(size=w.shape) * 0.3).astype(np.float32) for w in weights])


def peers(mine: float, quick: bool) -> list[dict[str, Any]]:
    """hls4ml's C simulation and Alkaid's interpreter, each in a process of its own, where installed."""
    rows: list[dict[str, Any]] = []
    known = (("hls4ml C simulation", "hls4ml", _HLS4ML), ("Alkaid interpreter", "alkaid", _ALKAID))
    for name, package, script in known:
        python = python_of(package)
        if python is None:
            rows.append({"what": f"{name} (not installed)", "Msamples/s": None, "ratio": None})
            continue
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([python, "-c", script, folder], capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stderr[-2000:], file=sys.stderr)
        rate = float(done.stdout.split()[-1]) if done.returncode == 0 else None
        rows.append({"what": name, "Msamples/s": rate, "ratio": rate / mine if rate else None})
    return rows


_HLS4ML = """
import sys, time, os
os.environ["KERAS_BACKEND"] = "jax"
import keras, numpy as np, hls4ml
x = keras.Input((16,)); h = x
for i, n in enumerate((64, 32, 32, 5)):
    h = keras.layers.Dense(n, activation="relu" if i < 3 else None)(h)
m = keras.Model(x, h)
c = hls4ml.utils.config_from_keras_model(m, granularity="name")
p = hls4ml.converters.convert_from_keras_model(m, hls_config=c, output_dir=sys.argv[1], backend="Vitis")
p.compile()
d = np.random.default_rng(0).normal(size=(20000, 16)).astype(np.float32)
p.predict(d[:100]); t = time.time(); p.predict(d); print(len(d) / (time.time() - t) / 1e6)
"""

_ALKAID = """
import sys, time
import numpy as np
from alkaid.trace import FVArrayInput, HWConfig, trace
rng = np.random.default_rng(0)
inp = FVArrayInput((16,)); h = inp.quantize(np.ones(16), np.full(16, 3), np.full(16, 4))
for n, m in ((16, 64), (64, 32), (32, 32), (32, 5)):
    h = h @ (rng.integers(-31, 32, (n, m)) / 32)
    if m != 5: h = h.relu(np.full(m, 1), np.full(m, 5))
c = trace(inp, h)
d = rng.normal(size=(100000, 16))
c.predict(d[:100]); t = time.time(); c.predict(d); print(len(d) / (time.time() - t) / 1e6)
"""


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["numpy", "keras", "jax", "hls4ml", "alkaid"]))
