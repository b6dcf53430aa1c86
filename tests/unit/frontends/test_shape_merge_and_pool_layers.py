"""Moves, merges and pools on integer codes, with steps that differ between what is merged."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from keras import layers as kl
from tests.keras_models import BIAS, dense, exact, quantized

import bitwright as bw
from bitwright.ir.graph.ops import Map, MaxPool, SumPool


def test_moves_on_sequences_are_exact() -> None:
    x = keras.Input((6, 2))
    q = quantized(x)
    layers = [
        kl.Flatten(), kl.Reshape((3, -1)), kl.Reshape((2, 3, 2)), kl.Permute((2, 1)), kl.ZeroPadding1D(2),
        kl.ZeroPadding1D((1, 2)), kl.Cropping1D(1), kl.Cropping1D((2, 0)), kl.UpSampling1D(3),
    ]  # fmt: skip
    exact(x, [layer(q) for layer in layers], floats=True)


def test_moves_on_images_are_exact() -> None:
    x = keras.Input((4, 5, 2))
    q = quantized(x)
    layers = [
        kl.Flatten(), kl.Permute((3, 1, 2)), kl.ZeroPadding2D(1), kl.ZeroPadding2D((1, 2)),
        kl.ZeroPadding2D(((0, 1), (2, 3))), kl.Cropping2D(1), kl.Cropping2D((1, 2)), kl.Cropping2D(((0, 1), (2, 0))),
        kl.UpSampling2D(2), kl.UpSampling2D((1, 3)),
    ]  # fmt: skip
    exact(x, [layer(q) for layer in layers], floats=True)


def _three_steps(x: Any) -> list[Any]:
    q = quantized(x, 6, 2)
    return [
        bw.QActivation("quantized_bits(4,0,alpha=1)")(q),
        bw.QActivation("quantized_bits(5,2,alpha=1)")(q),
        bw.QActivation("quantized_relu(4,3)")(q),
    ]


def test_merges_of_different_steps_are_exact() -> None:
    x = keras.Input((3,))
    a, b, c = _three_steps(x)
    merges = [kl.Add, kl.Multiply, kl.Maximum, kl.Minimum, kl.Concatenate]
    outputs = [merge()(parts) for merge in merges for parts in ([a, b], [a, b, c])]
    exact(x, [*outputs, kl.Average()([a, b]), kl.Subtract()([a, b]), kl.Subtract()([c, a])], floats=True)


def test_an_average_of_three_needs_a_quantizer() -> None:
    x = keras.Input((3,))
    y = kl.Average(name="mean")(_three_steps(x))
    with pytest.raises(bw.BitwrightError, match=r"layer 'mean'.*they lie on no grid"):
        exact(x, y)
    exact(x, bw.QActivation("quantized_bits(6,2,alpha=1)")(y))


def test_merged_sums_of_dense_layers_are_exact() -> None:
    x = keras.Input((4,))
    q = quantized(x)
    y = kl.Add()([dense(3)(q), dense(3, kernel_quantizer="quantized_bits(5,2,alpha=1)")(q)])
    exact(x, bw.QActivation("quantized_relu(5,3)")(y))


def test_concatenation_works_along_every_axis() -> None:
    x = keras.Input((2, 3))
    a, b, _ = _three_steps(x)
    joined = [kl.Concatenate(axis=axis)([a, b]) for axis in (1, 2, -1, -2)]
    exact(x, joined, floats=True)


def test_steps_that_differ_over_space_are_brought_to_one_for_a_kernel() -> None:
    x = keras.Input((2, 3))
    a, b, _ = _three_steps(x)
    kernel = bw.QConv1D(2, 2, kernel_quantizer="ternary(alpha=1)", bias_quantizer=BIAS)
    exact(x, kernel(kl.Concatenate(axis=1)([a, b])))
    exact(x, dense(2)(kl.Flatten()(kl.Concatenate()([a, b]))))


def test_merges_broadcast_as_keras_does() -> None:
    x = keras.Input((2, 3))
    row = keras.Input((1, 3))
    exact([x, row], [merge()([quantized(x), quantized(row)]) for merge in (kl.Add, kl.Multiply, kl.Maximum)])


def test_a_tensor_merged_with_itself_is_exact() -> None:
    x = keras.Input((3,))
    q = quantized(x)
    exact(x, [kl.Add()([q, q]), kl.Multiply()([q, q]), kl.Subtract()([q, q])])


@pytest.mark.parametrize("rank", [1, 2])
def test_pools_are_exact(rank: int) -> None:
    x = keras.Input((6,) * rank + (2,))
    q = quantized(x)
    largest = getattr(kl, f"MaxPooling{rank}D")
    mean = getattr(kl, f"AveragePooling{rank}D")
    outputs = [largest(2)(q), largest(3, strides=2, padding="same")(q), largest(4, strides=1)(q)]
    # Six divides by two: "same" pads nothing, and the two equal averages become one.
    outputs += [mean(2)(q), mean(4, strides=1)(q), mean(2, padding="same")(q)]
    design = exact(x, outputs, floats=True)
    kinds = [type(n.op) for n in design.graph.nodes]
    assert (kinds.count(MaxPool), kinds.count(SumPool)) == (3, 2)


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("keepdims", [False, True])
def test_global_pools_are_exact_with_and_without_their_axes(rank: int, keepdims: bool) -> None:
    x = keras.Input((4,) * rank + (3,))
    q = quantized(x)
    outputs = [getattr(kl, f"Global{kind}Pooling{rank}D")(keepdims=keepdims)(q) for kind in ("Max", "Average")]
    exact(x, outputs, floats=True)


def test_an_average_over_nine_is_exact_behind_a_quantizer() -> None:
    x = keras.Input((6, 6, 2))
    q = quantized(x)
    outputs = [kl.AveragePooling2D(3)(q), kl.AveragePooling2D((3, 2))(q), kl.GlobalAveragePooling2D()(q)]
    exact(x, [bw.QActivation("quantized_bits(6,1,alpha=1)")(y) for y in outputs])


def test_quantized_average_pools_are_exact() -> None:
    x = keras.Input((6, 6, 2))
    q = quantized(x)
    settings = {"average_quantizer": "quantized_bits(8,0,alpha=1)", "activation": "quantized_bits(6,1,alpha=1)"}
    design = exact(x, [bw.QAveragePooling2D(3, **settings)(q), bw.QGlobalAveragePooling2D(**settings)(q)])
    assert sum(isinstance(n.op, Map) for n in design.source.nodes) == 2


def test_an_average_over_a_ragged_border_is_refused() -> None:
    x = keras.Input((5, 2))
    with pytest.raises(bw.BitwrightError, match=r"layer 'ragged'.*averages over fewer.*(?s:.*)use padding='valid'"):
        exact(x, kl.AveragePooling1D(2, padding="same", name="ragged")(quantized(x)))
