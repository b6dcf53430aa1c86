"""Sums as narrow as they were asked for, in the netlist that is compiled."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl

import bitwright as bw
from bitwright.core.errors import ConfigError, Unsupported
from bitwright.ir.netlist.ops import Add, Subtract, Sum
from bitwright.search.gradient import Gradient, set_weights, trainable_copy
from bitwright.search.gradient.accumulators import Guard, accumulator_bits
from bitwright.search.gradient.state import stacked, started
from bitwright.train.layers import QConv2D, QDense
from bitwright.train.quantizers import trained_digits

RNG = np.random.default_rng(23)


def widest(model: Any) -> int:
    """Bits of the widest sum that is built, partial ones included."""
    netlist = bw.compile(model).netlist
    return max(node.type.width for node in netlist if isinstance(node.op, Add | Subtract | Sum))


def drawn(model: Any, options: Gradient, *shape: int) -> Any:
    copy = trainable_copy(model, RNG.normal(0, 1, (64, *shape)).astype(np.float32), options)
    for layer in copy.layers:
        if isinstance(layer, QDense | QConv2D):
            layer.kernel.assign(RNG.normal(0, 0.8, layer.kernel.shape))
            layer.bias.assign(RNG.normal(0, 0.5, layer.bias.shape))
    return copy


def test_the_widest_sum_of_the_design_has_the_bits_that_were_asked_for() -> None:
    keras.utils.set_random_seed(5)
    model = keras.Sequential([keras.Input((6,)), kl.Dense(8, activation="relu"), kl.Dense(3)])
    copy = drawn(model, Gradient(digits=2), 6)
    free = widest(copy)
    assert max(accumulator_bits(copy).values()) >= free > 13
    begun = started(copy)
    both = stacked([begun, begun])
    held = Guard(copy, 13)(both)
    assert all(np.array_equal(a, b) for a, b in zip(started(copy).trained, begun.trained, strict=True))
    set_weights(copy, held.pick(1))
    assert max(accumulator_bits(copy).values()) <= 13
    assert widest(copy) <= 13
    # Not narrower than needed: neurons were made coarser and smaller, not dropped.
    kernels = [layer.quantized_weights()["kernel"].z for layer in copy.layers if isinstance(layer, QDense)]
    assert all(kernel.any(axis=0).all() for kernel in kernels)
    assert max(accumulator_bits(copy).values()) >= 12


def test_the_bound_is_what_a_sum_can_reach_whatever_is_convolved() -> None:
    inputs = keras.Input((5, 5, 2))
    x = kl.MaxPooling2D()(kl.Conv2D(4, 2, groups=2, activation="relu")(inputs))
    x = kl.DepthwiseConv2D(2, depth_multiplier=2, activation="relu")(x)
    copy = drawn(keras.Model(inputs, kl.Dense(2)(kl.Flatten()(x))), Gradient(activation_granularity="element"), 5, 5, 2)
    before = accumulator_bits(copy)
    set_weights(copy, Guard(copy, 12)(stacked([started(copy)])).pick(0))
    after = accumulator_bits(copy)
    assert max(before.values()) > 12
    assert max(after.values()) <= 12
    assert list(before) == list(after)
    assert len(before) == 3


def test_sums_of_values_without_a_format_and_senseless_widths_are_refused() -> None:
    inputs = keras.Input((3,))
    model = keras.Model(inputs, QDense(2, kernel_quantizer=trained_digits(1), name="late")(inputs))
    with pytest.raises(Unsupported, match="late"):
        accumulator_bits(model)
    with pytest.raises(ConfigError, match="accumulator_bits"):
        Gradient(accumulator_bits=1)
