"""The price of a model in training: exact figures, gradients toward widths, close to what the compiler builds."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import bitwright as bw
from bitwright.core.errors import Unsupported
from bitwright.numeric import nonzero_digits
from bitwright.search.price import bit_spans, digit_counts, price_now, price_of
from bitwright.train.layers import QActivation, QConv2D, QDense, QDepthwiseConv2D
from bitwright.train.quantizers import quantized_bits, trained_bits, trained_digits

RNG = np.random.default_rng(3)


def number(x: Any) -> float:
    return float(ops.convert_to_numpy(x))


@pytest.mark.parametrize("quantizer", [quantized_bits(6, 1, alpha=1), trained_bits(6, 1), trained_digits(3), None])
def test_digits_and_spans_are_those_of_the_integers(quantizer: Any) -> None:
    weights = RNG.normal(0, 0.7, (5, 4)).astype(np.float32)
    weights = np.rint(weights * 16) / 16 if quantizer is None else weights
    value = weights if quantizer is None else np.asarray(ops.convert_to_numpy(quantizer(weights)))
    codes = np.rint(np.abs(value) * 2**10).astype(np.int64)
    assert np.array_equal(ops.convert_to_numpy(digit_counts(quantizer, weights)), nonzero_digits(codes))
    spans = np.asarray(ops.convert_to_numpy(bit_spans(quantizer, weights)))
    assert ((spans == 0) == (codes == 0)).all()
    assert (spans[codes == 0b1010000000] == 3).all()
    assert (spans >= nonzero_digits(codes)).all()


def dense_model(width: int, digits: float) -> Any:
    keras.utils.set_random_seed(1)
    inputs = keras.Input((6,))
    x = QActivation(trained_bits(width, 2))(inputs)
    x = QDense(5, activation=trained_bits(3, 1, False), kernel_quantizer=trained_digits(digits))(x)
    return keras.Model(inputs, QDense(2, kernel_quantizer=trained_digits(digits))(x))


def test_a_dense_price_is_digits_times_widths_over_two_plus_rectified_bits() -> None:
    model = dense_model(4, 2)
    first, second = (layer for layer in model.layers if isinstance(layer, QDense))
    kernels = [layer.quantized_weights()["kernel"].z for layer in (first, second)]
    digits = [nonzero_digits(np.rint(kernel * 256).astype(np.int64)) for kernel in kernels]
    assert price_now(model)["luts"] == 4 * digits[0].sum() / 2 + 5 * 3 + 3 * digits[1].sum() / 2
    assert price_now(model, removed=1.0)["luts"] == 4 * digits[0].sum() + 5 * 3 + 3 * digits[1].sum()


def test_convolutions_count_every_position_and_groups_their_own_channels() -> None:
    keras.utils.set_random_seed(2)
    inputs = keras.Input((5, 5, 4))
    x = QActivation(trained_bits(3, 1))(inputs)
    plain = QConv2D(6, 2, groups=2, kernel_quantizer=trained_digits(1), use_bias=False)
    deep = QDepthwiseConv2D(2, depthwise_quantizer=trained_digits(1), use_bias=False)
    model = keras.Model(inputs, [plain(x), deep(x)])
    counts = [(layer.quantized_weights()["kernel"].z != 0).sum() for layer in (plain, deep)]
    assert price_now(model)["luts"] == pytest.approx(16 * 3 * sum(counts) / 2)


def test_gradients_move_widths_and_digits_and_nothing_else() -> None:
    if keras.backend.backend() != "jax":
        pytest.skip("gradients are taken by JAX here")
    import jax

    model = dense_model(4, 2)

    def priced(values: Any) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(model.trainable_variables, values, strict=True))):
            return price_of(model).luts

    slopes = jax.grad(priced)([v.value for v in model.trainable_variables])
    for variable, slope in zip(model.trainable_variables, slopes, strict=True):
        moved = bool(np.any(np.asarray(slope)))
        assert moved == (variable.name in ("fraction", "integer", "digits")), variable.path


def test_the_price_is_near_what_the_compiler_predicts() -> None:
    model = dense_model(5, 2)
    found = bw.compile(model, device="xcvu9p").estimate().luts
    assert abs(price_now(model)["luts"] - found) < 0.35 * found


def test_unquantized_values_before_a_sum_are_refused_by_layer() -> None:
    inputs = keras.Input((6,))
    model = keras.Model(inputs, QDense(2, kernel_quantizer=trained_digits(1), name="late")(inputs))
    with pytest.raises(Unsupported, match="late"):
        price_of(model)
