"""Imported models: outputs against their reference pairs, streaming hardware in simulation, the executors' speed.

Every QONNX model with pairs of inputs and outputs (by the qonnx executor) is executed in float, compiled as dataflow,
and simulated (some frames, always ready): words against the integer graph, cycles against those computed. TFLite
files are compared with the integers of TFLite's reference kernels, HGQ files (parallel, RTL with random and corner
vectors) with the outputs of their Keras model. Areas are predicted. TFC runs on all 10000 test images of MNIST, in our
executor and in qonnx's own, in the Python that BENCH_QONNX_PYTHON names. Where the data are absent nothing is run. One
whole frame of the super-resolution model is simulated, a million cycles. Its scales are no powers of two: where numpy's
matrix products add in another order than here (processors without AVX-512), up to 2 of its outputs in 10000 differ by
a step or two, each where that order decides (tests/float_orders.py).
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks._table import Claim, Outcome, at_least, at_most, equal, main
from bitwright.core.errors import BitwrightError

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT / "../shared/data"
PAIRS, REFERENCE = SHARED / "qonnx_models", SHARED / "reference_models"
ZOO = REFERENCE / "qonnx_model_zoo"
DEVICE, CLOCK = "xczu7ev", 200.0
TFC = {"1W1A": 93.17, "1W2A": 94.79, "2W2A": 96.60}
"""Per cent on MNIST's test images that the makers state."""


@dataclass(frozen=True)
class Case:
    """A file, the grid of an input without a quantizer, the pace in cycles, how many frames are simulated."""

    name: str
    path: Path
    pace: int = 1024
    format: Any = None
    frames: int = 3


CASES = (
    Case("zoo_TFC_1W1A", ZOO / "TFC_1W1A.onnx"),
    Case("zoo_TFC_1W2A", ZOO / "TFC_1W2A.onnx"),
    Case("zoo_TFC_2W2A", ZOO / "TFC_2W2A.onnx"),
    Case("finn_tutorial_tfc", PAIRS / "finn_tutorial_tfc.onnx"),
    Case("zoo_qkeras_jettagging", ZOO / "qkeras_jettagging.onnx", 64, "s16.10"),
    Case("zoo_kwsmlp_w3a3", ZOO / "kwsmlp_w3a3.onnx"),
    Case("zoo_unsw_nb15_mlp_w2a2", ZOO / "unsw_nb15-mlp-w2a2.onnx", 1024, "s2.0"),
    Case("brevitas_mlp3_w4a4", PAIRS / "brevitas_mlp3_w4a4.onnx", 256),
    Case("brevitas_mlp3_w4a4_dynamo", PAIRS / "brevitas_mlp3_w4a4_dynamo.onnx", 256),
    Case("brevitas_cnv_w2a2", PAIRS / "brevitas_cnv_w2a2.onnx", 65536, frames=2),
    Case("brevitas_cnv_w2a2_dynamo", PAIRS / "brevitas_cnv_w2a2_dynamo.onnx", 65536, frames=2),
    Case("qonnx_espcn_subpixel_quant", PAIRS / "qonnx_espcn_subpixel_quant.onnx", 1 << 20, ("u8.0", Fraction(1, 255)),
         1),
)  # fmt: skip

TFLITE = (
    ("ad01_int8", 16384, 2),
    ("kws_ref_model", 1 << 17, 2),
    ("str_ww_ref_model", 1 << 17, 2),
    ("pretrainedResnet_quant", 1 << 19, 1),
)
"""Files of MLPerf Tiny: name, pace in cycles, frames that are simulated."""


def producer(path: Path) -> str:
    """The opset and who wrote the file."""
    from bitwright.frontends.qonnx import read_file

    model = read_file(path)
    return f"{model.producer or '?'}, opset {model.opset}"


def row(case: Case) -> dict[str, Any]:
    """One QONNX model: pairs, hardware, simulation."""
    import bitwright as bw
    from bitwright.frontends.qonnx import Executor, read_file

    with np.load(PAIRS / f"{case.name}.npz") as pairs:
        x, wanted = pairs["input"], pairs["output"]
    (found,) = Executor(read_file(case.path))([x])
    off = np.abs(found.astype(np.float64) - wanted).max()
    made: dict[str, Any] = {
        "model": case.name,
        "written by": producer(case.path),
        "pairs": len(x),
        "largest relative difference": float(off / np.abs(wanted).max()),
        "same argmax": bool(np.array_equal(classes(found), classes(wanted))),
    }
    design: Any = bw.compile(
        case.path, input_format=case.format, architecture="dataflow", device=DEVICE, clock_mhz=CLOCK,
        initiation_cycles=case.pace,
    )  # fmt: skip
    return made | hardware(design, x[: case.frames], case.frames)


def classes(y: Any) -> Any:
    """The place of the largest output of each sample."""
    return y.reshape(len(y), -1).argmax(axis=1)


def hardware(design: Any, x: Any, frames: int) -> dict[str, Any]:
    """Predicted area, computed cycles, and a simulation of `frames` frames held against the graph and these."""
    from bitwright.ir import graph as graphs

    told = design.estimate()
    found: dict[str, Any] = {
        "architecture": "dataflow",
        "initiation": told.initiation_cycles,
        "latency": told.latency_cycles,
        "LUT": told.luts,
        "BRAM36": told.brams,
        "DSP": told.dsps,
        "frames simulated": frames,
        "codes that differ": None,
        "cycles as computed": None,
    }
    if frames:
        codes = [encoder(x) for encoder in design.encoders]
        run = design.simulate(codes)
        golden = graphs.run(design.graph, codes)
        wrong = (int((a != b.reshape(a.shape)).sum()) for a, b in zip(golden, run.outputs, strict=True))
        found["codes that differ"] = sum(wrong)
        found["cycles as computed"] = run.frame_ends.tolist() == design.frame_ends(frames)
    return found


def tflite(name: str, pace: int, frames: int) -> dict[str, Any]:
    """An int8 file of MLPerf Tiny against the integers of TFLite's reference kernels (scales 1: whole numbers)."""
    import bitwright as bw

    path = REFERENCE / "mlperf_tiny" / f"{name}.tflite"
    design: Any = bw.compile(
        path, architecture="dataflow", device=DEVICE, clock_mhz=CLOCK, initiation_cycles=pace
    )
    model = bw.load_model(path)
    told, last = model.tensors[model.inputs[0]], model.operators[-1]
    integers = np.random.default_rng(2026).integers(-128, 128, size=(40, *told.shape[1:]))
    x = ((integers.astype(np.float64) - int(told.zeros[0])) * float(told.scales[0])).astype(np.float32)
    out = model.tensors[last.inputs[0] if last.kind == "SOFTMAX" else last.outputs[0]]
    with np.load(ROOT / "tests/compat/tflite_files/mlperf_tiny.npz") as stored:
        wanted = stored[name]
    found = design.predict_codes(x) + int(out.zeros[0])
    return {
        "model": name,
        "written by": "TFLite, int8",
        "pairs": len(x),
        "largest relative difference": float(np.abs(found - wanted).max() / 255),
        "same argmax": bool(np.array_equal(classes(found), classes(wanted))),
    } | hardware(design, x[:frames], frames)


def hgq(path: Path, written: str, count: int = 1000) -> dict[str, Any]:
    """An HGQ file, fully parallel: Keras, graph, netlist and simulated RTL on random inputs."""
    import bitwright as bw

    design: Any = bw.compile(path, architecture="parallel", device=DEVICE, clock_mhz=CLOCK, effort=0)
    shape = design.graph.inputs[0].type.shape
    x = (np.random.default_rng(1).normal(size=(count, *shape)) * 2).astype(np.float32)
    wanted, found = design.model.predict(x, verbose=0), design.predict(x)
    certificate, told = design.verify(x), design.estimate()
    largest = float(np.abs(found - wanted).max() / np.abs(wanted).max())
    rtl = [c for c in certificate.comparisons if "RTL" in c.after]
    return {
        "model": path.stem.partition("-val_loss")[0],
        "written by": written,
        "pairs": count,
        "largest relative difference": largest,
        "same argmax": bool(np.array_equal(classes(found), classes(wanted))),
        "architecture": "parallel",
        "initiation": told.initiation_cycles,
        "latency": told.latency_cycles,
        "LUT": told.luts,
        "BRAM36": told.brams,
        "DSP": told.dsps,
        "frames simulated": sum(c.vectors for c in rtl),
        "codes that differ": certificate.differences,
        "cycles as computed": bool(rtl),
    }


def hgq_digits(frames: int = 2) -> dict[str, Any]:
    """HGQ 1's convolutional network of digits, as streams: outputs against its Keras model, words in simulated RTL."""
    import bitwright as bw

    path = REFERENCE / "hls4ml_example_models/hgq_mnist_heterogeneous.h5"
    design: Any = bw.compile(path, architecture="dataflow", device=DEVICE, clock_mhz=CLOCK, initiation_cycles=4096)
    x = mnist()[0][:200, 0]
    wanted, found = design.model.predict(x, verbose=0), design.predict(x)
    return {
        "model": path.stem,
        "written by": "HGQ 1",
        "pairs": len(x),
        "largest relative difference": float(np.abs(found - wanted).max() / np.abs(wanted).max()),
        "same argmax": bool(np.array_equal(classes(found), classes(wanted))),
    } | hardware(design, x[:frames], frames)


def mnist() -> tuple[Any, Any]:
    """Pixels / 255 as (n, 1, 28, 28), and labels, of the test images."""
    with np.load(SHARED / "mnist/mnist.npz") as data:
        return (data["x_test"] / np.float32(255)).astype(np.float32)[:, None], data["y_test"]


def qonnx(model: Path, x: Any, batch: int) -> tuple[Any, float]:
    """(outputs, CPU seconds) of qonnx's executor, in the Python that has it."""
    script = ROOT / "benchmarks/_qonnx_executor.py"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/x.npy", x)
        command = [os.environ["BENCH_QONNX_PYTHON"], script, model, f"{folder}/x.npy", f"{folder}/y.npz", str(batch)]
        subprocess.run(command, check=True, capture_output=True, env=environment)
        with np.load(f"{folder}/y.npz") as found:
            return found["y"], float(found["seconds"])


def accuracy(name: str, told: float, peer: bool) -> tuple[list[Claim], str]:
    """TFC on all test images, in our executor, as integers, and in qonnx's executor."""
    import bitwright as bw

    x, y = mnist()
    design: Any = bw.compile(ZOO / f"TFC_{name}.onnx")
    (floats,) = design.model.executor([x])
    found = {"our executor": classes(floats), "integers": classes(design.predict(x))}
    if peer:
        found["qonnx's executor"] = classes(qonnx(ZOO / f"TFC_{name}.onnx", x, 500)[0])
    percent = {who: round(100 * float((places == y).mean()), 2) for who, places in found.items()}
    same = [int((places != found["our executor"]).sum()) for places in found.values()]
    whom = "qonnx's executor and the integers" if peer else "the integers"
    claims = [equal(f"TFC {name}: images of 10000 that {whom} put into another class than ours", sum(same), 0)]
    if peer:
        what = f"TFC {name}: per cent of MNIST's test images, as qonnx's executor"
        claims.append(equal(what, percent["our executor"], percent["qonnx's executor"]))
    said = ", ".join(f"{who} {rate:.2f}" for who, rate in percent.items())
    return claims, f"TFC {name}, per cent of MNIST's 10,000 test images: {said}; its makers state {told:.2f}."


def best(call: Any, times: int = 5) -> float:
    """The least CPU seconds of a call."""
    call()
    found: list[float] = []
    for _ in range(times):
        start = time.process_time()
        call()
        found.append(time.process_time() - start)
    return min(found)


def speed(quick: bool) -> tuple[list[Claim], str]:
    """Samples a CPU second of TFC 2W2A, one thread each: our executor, the C++ emulator, qonnx's executor."""
    import bitwright as bw
    from bitwright.frontends.qonnx import Executor, read_file

    path = ZOO / "TFC_2W2A.onnx"
    x = mnist()[0][: 2000 if quick else 10000]
    executor, design = Executor(read_file(path)), bw.compile(path)
    emulator = design.build_emulator()
    emulator.threads = 1
    # Threads of a matrix library that wait count as CPU time.
    with threadpool_limits(1):
        rates = {
            "our executor": len(x) / best(lambda: executor([x])),
            "numpy emulator": len(x) / best(lambda: design.predict(x)),
            "C++ emulator": len(x) / best(lambda: emulator.predict(x)),
        }
    claims = [at_least("C++ emulator over our executor", rates["C++ emulator"] / rates["our executor"], 1.0)]
    if "BENCH_QONNX_PYTHON" in os.environ:
        few = x[: 32 if quick else 128]
        rates["qonnx's executor"] = len(few) / qonnx(path, few, 1)[1]
        rates["qonnx's executor, 500 at a time"] = len(x) / qonnx(path, x, 500)[1]
        claims.insert(0, at_least(
            "our executor over qonnx's, samples a CPU second of TFC 2W2A",
            rates["our executor"] / rates["qonnx's executor"], 1000.0,
        ))  # fmt: skip
    told = "; ".join(f"{who} {rate:,.0f}" for who, rate in rates.items())
    return claims, f"Samples a CPU second of TFC 2W2A, one thread: {told}."


def hgq_files() -> list[tuple[Path, str]]:
    """The published files that are unrolled, and which program wrote each."""
    luts = sorted((REFERENCE / "hgq_lut_jsc").glob("*.keras"))
    return [(REFERENCE / "hls4ml_example_models/hgq_jet_classifier.h5", "HGQ 1"), *((p, "HGQ-LUT") for p in luts)]


def calls_of(quick: bool) -> list[tuple[str, Callable[[], dict[str, Any]]]]:
    """(name, what makes its row) of all models; the quick ones are TFC 2W2A and a Brevitas MLP."""
    calls: list[tuple[str, Callable[[], dict[str, Any]]]] = [(c.name, partial(row, c)) for c in CASES]
    if quick:
        calls = [c for c in calls if c[0] in ("zoo_TFC_2W2A", "brevitas_mlp3_w4a4")]
    else:
        calls += [(p.stem, partial(hgq, p, written)) for p, written in hgq_files()]
        calls.append(("hgq_mnist_heterogeneous", hgq_digits))
        calls += [(told[0], partial(tflite, *told)) for told in TFLITE]
        calls.sort(key=lambda c: "espcn" in c[0])  # the largest comes last
    return calls


def attempt(name: str, call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The row of a model; one that is refused says so in it."""
    try:
        made = call()
    except BitwrightError as error:
        made = {"model": name, "architecture": f"refused: {error.where}: {error.what}"}
    print(f"{name}: {made['architecture']}, {made.get('frames simulated', 0)} frames simulated", flush=True)
    return made


def claims_of(found: list[dict[str, Any]]) -> list[Claim]:
    """What the rows are held against."""
    compiled = [r for r in found if "LUT" in r]
    simulated = [r for r in compiled if r["frames simulated"]]
    largest = max(r["largest relative difference"] for r in compiled)
    return [
        at_most("largest relative difference to a reference pair", largest, 1e-6),
        equal("models with another argmax on some pair", sum(not r["same argmax"] for r in compiled), 0),
        equal("models that do not compile in any architecture", len(found) - len(compiled), 0),
        equal("models that were not simulated", len(compiled) - len(simulated), 0),
        equal("models whose RTL differs from the integers", sum(r["codes that differ"] != 0 for r in simulated), 0),
        equal("models whose frames end in other cycles", sum(not r["cycles as computed"] for r in simulated), 0),
    ]


def measure(quick: bool) -> Outcome:
    """All of it; nothing where the data are absent."""
    if not PAIRS.is_dir() or not ZOO.is_dir():
        return Outcome([], [], ["The reference models are not here: nothing was run."])
    found = [attempt(*told) for told in calls_of(quick)]
    claims, notes = claims_of(found), list[str]()
    peer = "BENCH_QONNX_PYTHON" in os.environ
    for name, told in TFC.items():
        if not quick or name == "2W2A":
            more, note = accuracy(name, told, peer)
            claims += more
            notes.append(note)
    more, note = speed(quick)
    return Outcome(found, [*claims, *more], [*notes, note])


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["numpy", "onnx", "qonnx"]))
