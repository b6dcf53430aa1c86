"""Small quantized Keras models for tests, and the claim that all their levels agree bit for bit."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

import bitwright as bw
from bitwright.flow.design import Design
from bitwright.ir.interface import Head

__all__ = ["BIAS", "KERNEL", "dense", "exact", "inputs_for", "quantized", "randomize", "tiny"]

KERNEL = "quantized_bits(4,0,alpha=1)"
BIAS = "quantized_bits(5,1,alpha=1)"


def quantized(x: Any, bits: int = 5, integer: int = 1, name: str | None = None) -> Any:
    """`x` behind a quantized_bits activation."""
    return bw.QActivation(f"quantized_bits({bits},{integer},alpha=1)", name=name)(x)


def dense(units: int, name: str | None = None, **more: Any) -> Any:
    """A QDense of plain formats."""
    return bw.QDense(units, **{"kernel_quantizer": KERNEL, "bias_quantizer": BIAS, "name": name, **more})


def randomize(model: Any, seed: int = 0) -> Any:
    """Weights that use their formats; positive variances, gammas of both signs."""
    rng = np.random.default_rng(seed)
    for layer in model._flatten_layers(include_self=False):
        weights = getattr(layer, "_trainable_variables", []) + getattr(layer, "_non_trainable_variables", [])
        for weight in weights:
            if str(weight.dtype) != "float32":
                continue
            values = rng.normal(size=weight.shape) * 0.7
            if "variance" in weight.name:
                values = rng.uniform(0.3, 2, weight.shape)
            weight.assign(values.astype(np.float32))
    return model


def inputs_for(model: Any, count: int = 64, seed: int = 1) -> list[np.ndarray]:
    """Normal samples with ties of quantization and far outliers among them."""
    rng = np.random.default_rng(seed)
    out = []
    for tensor in model.inputs:
        x = rng.normal(size=(count, *tensor.shape[1:])) * 1.5
        x[::3] = np.rint(x[::3] * 32) / 32
        x[1::7] *= 50
        out.append(x.astype(np.float32))
    return out


def exact(
    inputs: Any, outputs: Any, *, seed: int = 0, keep: bool = False, exempt: bool = False, floats: bool = False,
    **options: Any,
) -> Design:  # fmt: skip
    """The compiled model, after: Keras == graph == netlist on data, random codes and corners.

    keep: do not draw weights. exempt: codes that depend on how floats are compiled may occur.
    floats: `predict` is compared with the model's as well.
    """
    model = keras.Model(inputs, outputs)
    if not keep:
        randomize(model, seed)
    given = inputs_for(model)
    design = bw.compile(model, clock_mhz=300.0, **options)
    certificate = design.verify(given, rtl=False)
    assert certificate.differences == 0
    pairs = {(c.before, c.after) for c in certificate.comparisons}
    assert {("Keras", "graph"), ("graph", "built graph"), ("built graph", "pipelined netlist")} <= pairs
    if not exempt:
        assert all(c.exempt == 0 for c in certificate.comparisons)
    if floats:
        same_floats(design, model, given)
    return design


def same_floats(design: Design, model: Any, x: list[np.ndarray]) -> None:
    """`design.predict` returns the model's own floats: equal where the step is dyadic and nothing comes after."""
    ours, theirs = design.predict(x), model.predict(x if len(x) > 1 else x[0], verbose=0)
    ours = ours if isinstance(ours, list) else [ours]
    theirs = theirs if isinstance(theirs, list) else [theirs]
    for a, b, decoder in zip(ours, theirs, design.decoders, strict=True):
        assert a.shape == b.shape
        if decoder.head is Head.NONE and decoder.step.dyadic and design.options.output_format is None:
            assert np.array_equal(a, b)
        elif decoder.head is not Head.NONE:
            assert np.allclose(a, b, rtol=1e-5, atol=1e-6)


def tiny(seed: int = 0, softmax: bool = False) -> Any:
    """3 -> 4 -> 2, a model that every tool digests in a moment."""
    x = keras.Input((3,), name="x")
    y = quantized(x, name="entry")
    y = dense(4, "hidden", activation="quantized_relu(4,2)")(y)
    y = dense(2, "logits")(y)
    y = keras.layers.Softmax(name="softmax")(y) if softmax else y
    return randomize(keras.Model(x, y, name="tiny"), seed)
