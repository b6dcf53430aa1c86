"""Samples a CPU second of the C++ emulator, one thread, beside the numpy emulator and hls4ml's C simulation.

Floats in, floats out, the best of several calls. hls4ml runs in the Python that has it (BENCH_HLS4ML_PYTHON, or
this one) on a network of the same layers. Compile times are CPU seconds of the compiler.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np

from benchmarks._peers import python_of
from benchmarks._table import Outcome, at_least, at_most, equal, main
from benchmarks.jet_emulator import randomize


def rate(call: Callable[[], Any], samples: int, times: int = 5) -> float:
    """Thousand samples a CPU second of the fastest of `times` calls."""
    call()
    best = float("inf")
    for _ in range(times):
        start = time.process_time()
        call()
        best = min(best, time.process_time() - start)
    return samples / best / 1e3


def built(design: Any, folder: Path, flags: list[str]) -> tuple[Any, float]:
    """The emulator compiled with `flags`, and what the compiler took."""
    from bitwright.backends.cpp.loader import Emulator
    from bitwright.flow.emulators import emulator_files

    files = emulator_files(design)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.files.items():
        (folder / name).write_text(text)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    command = ["g++", "-std=c++17", *flags, "-shared", "-fPIC", f"{files.name}_c.cpp", "-o", "emulator.so"]
    subprocess.run(command, cwd=folder, check=True)
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - spent
    return Emulator(folder / "emulator.so", files.namespace, threads=1), seconds


def jets() -> tuple[Any, Any]:
    """The jet tagger of 6 bits and the shape of its inputs."""
    from bitwright.train.zoo import jet_tagger

    return jet_tagger(6, softmax=False), (16,)


def svhn() -> tuple[Any, Any]:
    """The convolutional network of arXiv:2101.05108 for street view house numbers, 6 bits."""
    import keras
    from keras import layers as kl

    from bitwright import layers as ql
    from bitwright import quantizers as q

    x = entry = keras.Input((32, 32, 3))
    x = ql.QActivation(q.quantized_bits(8, 1, alpha=1), name="pixels")(x)
    weights = lambda: q.quantized_bits(6, 0, alpha=1)  # noqa: E731
    for i, filters in enumerate((16, 16, 24)):
        x = ql.QConv2D(filters, 3, kernel_quantizer=weights(), bias_quantizer=weights(), name=f"conv{i + 1}")(x)
        x = ql.QActivation(q.quantized_relu(6, 2), name=f"relu{i + 1}")(x)
        x = kl.MaxPooling2D(2, name=f"pool{i + 1}")(x)
    x = kl.Flatten(name="flat")(x)
    for i, units in enumerate((42, 64)):
        x = ql.QDense(units, kernel_quantizer=weights(), bias_quantizer=weights(), name=f"dense{i + 1}")(x)
        x = ql.QActivation(q.quantized_relu(6, 2), name=f"drelu{i + 1}")(x)
    x = ql.QDense(10, kernel_quantizer=weights(), bias_quantizer=weights(), name="logits")(x)
    return keras.Model(entry, x, name="svhn"), (32, 32, 3)


def network(name: str, make: Callable[[], tuple[Any, Any]], count: int, folder: Path) -> list[dict[str, Any]]:
    """The rows of one network."""
    from bitwright.flow.compiling import compile_model

    model, shape = make()
    randomize(model)
    design = compile_model(model, name=name)
    x = (np.random.default_rng(0).normal(size=(count, *shape)) * 2).astype(np.float32)
    rows: list[dict[str, Any]] = []
    for words, flags in (("C++, -O3 -march=native", ["-O3", "-march=native"]), ("C++, -O3", ["-O3"])):
        emulator, seconds = built(design, folder / f"{name}{len(rows)}", flags)
        wrong = int((emulator.predict(x[:20000]) != design.predict(x[:20000])).sum())
        rows.append(row(name, words, rate(lambda e=emulator: e.predict(x), count), seconds, wrong))
    design.emulator.threads = 1
    rows.append(row(name, "numpy emulator", rate(lambda: design.predict(x), count)))
    rows.append(row(name, "hls4ml C simulation", *hls4ml(name, folder / f"hls4ml_{name}")))
    mine = rows[0]["ksamples/s"]
    return [line | {"ratio": line["ksamples/s"] / mine if line["ksamples/s"] else None} for line in rows]


def row(network: str, what: str, found: float | None, seconds: float | None = None, wrong: int | None = None) -> Any:
    """One line of the table."""
    told = what if found else f"{what} (not installed)"
    return {"network": network, "what": told, "ksamples/s": found, "compile s": seconds, "values that differ": wrong}


def hls4ml(name: str, folder: Path) -> tuple[float | None, float | None]:
    """Thousand samples a CPU second of hls4ml's C simulation and what its compiler took; None where it is not."""
    python = python_of("hls4ml")
    if python is None:
        return None, None
    done = subprocess.run([python, "-c", _HLS4ML, name, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr[-2000:], file=sys.stderr)
        return None, None
    found, seconds = done.stdout.splitlines()[-1].split()
    return float(found), float(seconds)


def measure(quick: bool) -> Outcome:
    """The jet tagger, and without --quick the convolutional network too."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        rows = network("jets", jets, 200_000 if quick else 1_000_000, folder)
        rows += [] if quick else network("svhn", svhn, 1000, folder)
    first = {r["network"]: r for r in rows if r["what"] == "C++, -O3 -march=native"}
    by = {(r["network"], r["what"]): r["ksamples/s"] for r in rows}
    beside_numpy = first["jets"]["ksamples/s"] / by["jets", "numpy emulator"]
    claims = [
        equal("values that differ from the numpy emulator", sum(r["values that differ"] or 0 for r in rows), 0),
        at_most("compile seconds of the jet tagger's header", max(r["compile s"] for r in rows[:2]), 5.0),
        at_least("jets: C++ over the numpy emulator", beside_numpy, 1),
    ]
    for name, bound in (("jets", 5.0), ("svhn", 20.0)):
        peer = by.get((name, "hls4ml C simulation"))
        if peer:
            claims.append(at_least(f"{name}: C++ over hls4ml's C simulation", first[name]["ksamples/s"] / peer, bound))
    return Outcome(rows, claims)


_HLS4ML = """
import os, resource, sys, time
os.environ["KERAS_BACKEND"] = "jax"
import keras, numpy as np, hls4ml
from keras import layers as kl
name, folder = sys.argv[1:]
if name == "jets":
    x = keras.Input((16,)); h = x
    for i, n in enumerate((64, 32, 32, 5)):
        h = kl.Dense(n, activation="relu" if i < 3 else None)(h)
else:
    x = keras.Input((32, 32, 3)); h = x
    for n in (16, 16, 24):
        h = kl.MaxPooling2D(2)(kl.Conv2D(n, 3, activation="relu")(h))
    h = kl.Flatten()(h)
    for n in (42, 64, 10):
        h = kl.Dense(n, activation="relu" if n > 10 else None)(h)
m = keras.Model(x, h)
c = hls4ml.utils.config_from_keras_model(m, granularity="name")
p = hls4ml.converters.convert_from_keras_model(
    m, hls_config=c, output_dir=folder, backend="Vitis", io_type="io_parallel" if name == "jets" else "io_stream")
p.compile()
seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
count = 20000 if name == "jets" else 50
d = np.random.default_rng(0).normal(size=(count, *x.shape[1:])).astype(np.float32)
p.predict(d[:10]); t = time.process_time(); p.predict(d)
print(count / (time.process_time() - t) / 1e3, seconds)
"""


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["numpy", "keras", "jax", "hls4ml"]))
