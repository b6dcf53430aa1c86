"""Constant matrices to compare optimizers on: random, sparse as training leaves them, ternary, transforms, trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bitwright.numeric import IntArray

__all__ = ["Case", "cases"]

MODELS = Path(__file__).resolve().parents[2] / "shared" / "data" / "reference_models"
EXAMPLES = MODELS / "hls4ml_example_models"


@dataclass(frozen=True)
class Case:
    """A matrix (inputs, outputs) and the formats (inputs, 2) of its inputs: signed, bits.

    `seconds`: the time that a claim allows us (0: none). `large`: only the main comparison, at one depth limit.
    `quick`: answers within a quarter of a minute.
    """

    name: str
    weights: IntArray
    formats: IntArray = field(repr=False)
    seconds: float = 0.0
    large: bool = False
    planned: bool = False
    quick: bool = False


def cases(quick: bool) -> Iterator[Case]:
    """All cases, small ones first, or the quick ones."""
    if quick:
        yield from (case for case in _drawn() if case.quick)
        return
    yield from (case for case in _drawn() if not case.large)
    yield from _related()
    yield from _trained()
    yield from (case for case in _drawn() if case.large)


def _drawn() -> Iterator[Case]:
    def case(name: str, weights: IntArray, bits: int = 8, signed: bool = True, **told: Any) -> Case:
        return Case(name, weights, np.array([[signed, bits]] * len(weights), dtype=np.int64), **told)

    yield case("32x5 6-bit", _dense(32, 5), quick=True)
    yield case("16x64 4-bit, 10 %", _sparse(16, 64, 4, 0.1), quick=True)
    yield case("16x64 6-bit, 10 %", _sparse(16, 64, 6, 0.1))
    yield case("32x32 8-bit, 10 %", _sparse(32, 32, 8, 0.1))
    yield case("32x32 8-bit, 5 %", _sparse(32, 32, 8, 0.05))
    yield case("64x64 3-bit, 20 %", _sparse(64, 64, 3, 0.2))
    yield case("64x64 4-bit, 20 %", _sparse(64, 64, 4, 0.2))
    yield case("16x64 6-bit", _dense(16, 64))
    yield case("16x64 6-bit, u4 inputs", _dense(16, 64), 4, False)
    yield case("16x64 6-bit, u2 inputs", _dense(16, 64), 2, False)
    yield case("32x32 6-bit", _dense(32, 32))
    yield case("64x32 2-bit", _dense(64, 32, 2))
    yield case("64x64 4-bit, 20 %, u4 inputs", _sparse(64, 64, 4, 0.2), 4, False)
    yield case("64x32 2-bit, u2 inputs", _dense(64, 32, 2), 2, False)
    yield case("64x64 ternary", _random().integers(-1, 2, (64, 64)), large=True)
    yield case("64x32 6-bit", _dense(64, 32), large=True)
    yield case("64x64 6-bit", _dense(64, 64), seconds=1.0, large=True)
    yield case("784x64 6-bit, 20 %", _sparse(784, 64, 6, 0.2), seconds=30.0, large=True, planned=True)
    yield case("128x128 6-bit", _dense(128, 128), seconds=8.0, large=True, planned=True)


def _random() -> np.random.Generator:
    return np.random.default_rng(0)


def _dense(inputs: int, outputs: int, bits: int = 6) -> IntArray:
    """Uniform over the whole signed range of `bits`."""
    return _random().integers(-(1 << bits - 1), 1 << bits - 1, (inputs, outputs))


def _sparse(inputs: int, outputs: int, bits: int, density: float) -> IntArray:
    """Bell-shaped weights of which only `density` are not zero."""
    random, largest = _random(), (1 << bits - 1) - 1
    weights = np.rint(random.normal(0, largest / 2.5, (inputs, outputs))).clip(-largest, largest)
    return weights.astype(np.int64) * (random.random((inputs, outputs)) < density)


def _related() -> Iterator[Case]:
    """Filters and transforms, whose columns have much in common."""
    place = np.arange(16)
    yield _signed("DCT 16x16 8-bit", np.cos(np.pi * np.outer(2 * place + 1, place) / 32), 8)
    turns = 2 * np.pi * np.outer(np.arange(32), np.arange(17)) / 32
    yield _signed("DFT 32x32 8-bit", np.hstack([np.cos(turns), np.sin(turns[:, 1:-1])]), 8)
    angles = np.pi * np.outer(place, np.sin(np.linspace(-1, 1, 16)))
    real, imaginary = np.cos(angles), np.sin(angles)
    yield _signed("beams 32x32 6-bit", np.block([[real, imaginary], [-imaginary, real]]), 6)
    time = np.arange(192) - 95.5
    yield _signed("polyphase 12x16 12-bit", (np.sinc(time / 16) * np.hamming(192)).reshape(12, 16), 12)
    y, x = np.mgrid[:7, :7] - 3.0
    waves = [np.cos(1.2 * (x * np.cos(t) + y * np.sin(t))) for t in np.pi * place / 16]
    yield _signed("Gabor 49x16 8-bit", np.stack([(np.exp(-(x**2 + y**2) / 7) * w).ravel() for w in waves], 1), 8)
    factors = _random()
    yield _signed("rank 2, 32x32 6-bit", factors.normal(size=(32, 2)) @ factors.normal(size=(2, 32)), 6)
    changes = _random().integers(-2, 3, (32, 32)) * (_random().random((32, 32)) < 0.2)
    yield _signed("one column changed 32 times, 8-bit", _dense(32, 1, 8) + changes, 0)


def _signed(name: str, values: np.ndarray[Any, Any], bits: int) -> Case:
    """A case with inputs of eight bits; `bits` to which real values are scaled, 0 for integers."""
    scaled = np.rint(values / np.abs(values).max() * ((1 << bits - 1) - 1)) if bits else values
    return Case(name, scaled.astype(np.int64), np.array([[1, 8]] * len(values), dtype=np.int64))


def _trained() -> Iterator[Case]:
    """Kernels of trained networks, where their files lie beside the project (they are not part of it)."""
    qkeras = (("QKeras jets", "qkeras_3layer", "s16.6"), ("QKeras MNIST", "qkeras_mnist_dense", "u8.0"))
    for name, stem, inputs in qkeras:
        if (EXAMPLES / f"{stem}.json").exists():
            yield from _of_qkeras(name, EXAMPLES / stem, inputs)
    for name, stem in (("HGQ jets", "hgq_jet_classifier"), ("HGQ MNIST", "hgq_mnist_heterogeneous")):
        if (file := EXAMPLES / f"{stem}.h5").exists():
            yield from _of_hgq(name, file)


def _of_qkeras(name: str, stem: Path, inputs: str) -> Iterator[Case]:
    """Kernels and input ranges of the dense layers, as the compiled graph has them."""
    import bitwright as bw
    from bitwright.flow.models import load_model
    from bitwright.ir.graph.ops import Dense

    model = load_model(stem.with_suffix(".json"), weights=stem.with_name(f"{stem.name}_weights.h5"))
    graph = bw.compile(model, device="xcvu9p", input_format=inputs).graph
    for node in graph.nodes:
        if isinstance(node.op, Dense):
            weights = np.asarray(node.op.weights, dtype=np.int64)
            low, high = (np.broadcast_to(e, len(weights)) for e in graph.nodes[node.args[0]].type.bounds())
            formats = [_format(int(a), int(b)) for a, b in zip(low, high, strict=True)]
            yield _case(name, weights, np.array(formats, dtype=np.int64))


def _format(low: int, high: int) -> tuple[int, int]:
    signed = low < 0
    return int(signed), max(high.bit_length(), (~low).bit_length() if signed else 0) + signed


def _of_hgq(name: str, file: Path) -> Iterator[Case]:
    """Kernels of HGQ 1's proxy models, on their grids already; the activations' widths differ by input."""
    import h5py

    with h5py.File(file) as stored:
        group = stored["model_weights"]
        layers = [key for key in group if f"{key}_relu_quantizer" in group or f"{key}/{key}/kernel:0" in group]
        dense = [key for key in layers if np.ndim(group[f"{key}/{key}/kernel:0"]) == 2]
        for before, layer in pairwise(["inp_q", *dense] if "inp_q_quantizer" in group else dense):
            quantizer = group[f"{before}{'' if before == 'inp_q' else '_relu'}_quantizer"]
            told = (np.ravel(quantizer[f"{what}:0"]).astype(np.int64) for what in ("bits", "integers", "keep_negative"))
            bits, whole, signed = told
            step = np.exp2((whole - bits).astype(np.float64))
            kernel = np.asarray(group[f"{layer}/{layer}/kernel:0"], dtype=np.float64)
            weights = _integers(kernel * (step * (bits > 0))[:, None])
            yield _case(name, weights, np.stack([signed, np.maximum(bits, 1)], axis=1))


def _integers(values: np.ndarray[Any, Any]) -> IntArray:
    """`values` over their greatest common power of two."""
    for bits in range(60):
        scaled = values * 2.0**bits
        if (scaled == np.rint(scaled)).all():
            return scaled.astype(np.int64)
    raise ValueError("weights on no binary grid")


def _case(name: str, weights: IntArray, formats: IntArray) -> Case:
    inputs, outputs = weights.shape
    return Case(f"{name} {inputs}x{outputs}", weights, formats, large=inputs > 500)
