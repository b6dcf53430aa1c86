"""The jet classifier that HGQ trained, sparse and with a width for every neuron, read from its file as integers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.numeric import IntArray

__all__ = ["FILE", "HgqLayer", "HgqTagger", "hgq_tagger"]

FILE = Path(__file__).parents[2] / "shared/data/reference_models/hls4ml_example_models/hgq_jet_classifier.h5"


@dataclass(frozen=True)
class HgqLayer:
    """h = clip(floor((x @ weights + bias) / 2**shift), low, top), neuron by neuron, in steps of `step`.

    Neurons of no bits have `low` and `top` 0. HGQ lets most of its numbers wrap; trained ranges do not.
    """

    name: str
    weights: IntArray
    bias: IntArray
    sum_step: float
    shift: IntArray
    low: IntArray
    top: IntArray
    alive: NDArray[np.bool_]
    step: NDArray[np.float64]


@dataclass(frozen=True)
class HgqTagger:
    """Bits and steps of its inputs (signed; 0: not read), and its layers."""

    input_bits: IntArray
    input_step: NDArray[np.float64]
    layers: Sequence[HgqLayer]


def hgq_tagger() -> HgqTagger:
    """Needs h5py and the shared data."""
    import h5py

    with h5py.File(FILE) as file:
        layers = json.loads(str(file.attrs["model_config"]))["config"]["layers"]
        held = {layer["config"]["name"]: _arrays(file["model_weights"], layer["config"]["name"]) for layer in layers}
    bits, fraction = _format(held["inp_q_quantizer"])
    made: list[HgqLayer] = []
    step = 2.0**-fraction
    for number in range(1, 5):
        made.append(_layer(held, f"dense_{number}", step))
        step = made[-1].step
    return HgqTagger(bits, 2.0**-fraction, made)


def _layer(held: dict[str, Any], name: str, step: NDArray[np.float64]) -> HgqLayer:
    real, bias = held[name]["kernel"].astype(np.float64) * step[:, None], held[name]["bias"].astype(np.float64)
    depth = next(d for d in range(60) if not ((real * 2.0**d) % 1).any() and not ((bias * 2.0**d) % 1).any())
    relu = f"{name}_relu_quantizer" in held
    bits, fraction = _format(held[f"{name}_relu_quantizer" if relu else f"{name}_quantizer"])
    seen = np.minimum(fraction, _format(held[f"{name}_quantizer"])[1])
    top = ((1 << np.maximum(bits if relu else bits - 1, 0)) - 1) >> (fraction - seen)
    low = np.zeros_like(top) if relu else -top - 1
    return HgqLayer(
        name,
        weights=(real * 2.0**depth).astype(np.int64),
        bias=(bias * 2.0**depth).astype(np.int64),
        sum_step=2.0**-depth,
        shift=np.where(bits > 0, depth - seen, 0),
        low=low,
        top=np.maximum(top, low),
        alive=bits > 0,
        step=np.broadcast_to(2.0 ** -seen.astype(np.float64), bits.shape),
    )


def _arrays(file: Any, name: str) -> dict[str, Any]:
    """The arrays that a layer holds, by their names without ":0"."""
    found: dict[str, Any] = {}

    def visit(path: str, item: Any) -> None:
        if hasattr(item, "shape"):
            found[path.split("/")[-1].partition(":")[0]] = item[()]

    if name in file:
        file[name].visititems(visit)
    return found


def _format(held: dict[str, Any]) -> tuple[Any, Any]:
    bits = held["bits"].ravel().astype(np.int64)
    return bits, bits - held["integers"].ravel().astype(np.int64)
