"""Recurrent layers unroll into integers exactly, or are refused with the argument that helps."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl
from tests.keras_models import BIAS, KERNEL, exact, quantized
from tests.unit.frontends.test_refusals import chain, refused

import bitwright as bw
from bitwright.core.errors import Inexact, Unsupported
from bitwright.frontends.keras import read_model
from bitwright.ir.graph.ops import Dense

pytestmark = pytest.mark.usefixtures("cheap_first_weights")

WEIGHTS: dict[str, Any] = {"kernel_quantizer": KERNEL, "recurrent_quantizer": KERNEL, "bias_quantizer": BIAS}
STATE = "quantized_bits(5,1,alpha=1)"
FEW: dict[str, Any] = {**WEIGHTS, "state_quantizer": STATE, "activation": "quantized_tanh(4)"}
GATED: dict[str, Any] = {**FEW, "recurrent_activation": "quantized_sigmoid(3)"}


@pytest.mark.parametrize(
    "layer",
    [
        bw.QSimpleRNN(3, return_sequences=True, **FEW),
        bw.QLSTM(2, use_bias=False, **GATED),
        bw.QGRU(2, go_backwards=True, return_sequences=True, **GATED),
        bw.QGRU(2, reset_after=True, **GATED),
    ],
    ids=["rnn", "lstm", "gru", "gru-after"],
)
def test_every_kind_unrolls_exactly(layer: Any) -> None:
    x = keras.Input((3, 2))
    exact(x, quantized(layer(quantized(x))))


def test_the_defaults_of_qkeras_are_exact_with_a_state_quantizer() -> None:
    x = keras.Input((3, 2))
    exact(x, quantized(bw.QLSTM(2, **WEIGHTS, state_quantizer="quantized_bits(6,1,1)")(quantized(x)), 8))


@pytest.mark.parametrize("merge", ["concat", "sum", "mul", "ave"])
def test_both_directions_merge_exactly(merge: str) -> None:
    x = keras.Input((2, 2))
    both = bw.QBidirectional(bw.QSimpleRNN(2, return_sequences=merge in ("sum", "mul"), **FEW), merge_mode=merge)
    exact(x, quantized(both(quantized(x)), 6))


def test_states_and_unmerged_directions_are_outputs_too() -> None:
    x = keras.Input((2, 2))
    entry = quantized(x)
    outputs = bw.QLSTM(2, return_state=True, **GATED)(entry)
    outputs += bw.QBidirectional(bw.QSimpleRNN(2, **FEW), merge_mode=None)(entry)
    exact(x, [quantized(y, 6) for y in outputs])


def test_a_plain_rnn_reads_a_quantized_cell() -> None:
    x = keras.Input((2, 2))
    exact(x, quantized(kl.RNN(bw.QGRUCell(2, **GATED))(quantized(x)), 6))


def test_a_state_quantizer_that_makes_no_zero_starts_from_what_it_makes_of_zero() -> None:
    x = keras.Input((2, 2))
    exact(x, bw.QSimpleRNN(2, **{**FEW, "state_quantizer": "binary(alpha=1)"})(quantized(x)))


def test_steps_share_their_functions_and_sums_are_proven() -> None:
    x = keras.Input((4, 2))
    reading = read_model(keras.Model(x, bw.QSimpleRNN(3, name="loop", **FEW)(quantized(x))))
    assert sum(isinstance(node.op, Dense) for node in reading.graph.nodes) == 4
    found = [f.why for f in reading.findings if f.layer == "loop"]
    assert any("exact in float32" in why for why in found)
    assert any(why.startswith("4 steps unrolled") for why in found)
    assert all(f.exact for f in reading.findings)


def lstm(**told: Any) -> Any:
    return chain(bw.QLSTM(2, name="loop", **{**GATED, **told}), shape=(9, 2))


def test_a_state_that_grows_is_refused() -> None:
    refused(lstm(state_quantizer=None), Inexact, "loop", "more than float32 holds", "state_quantizer=")


def test_float_gates_are_refused() -> None:
    refused(lstm(recurrent_activation="sigmoid"), Unsupported, "loop", "'sigmoid'", "quantized_sigmoid(4)")
    refused(lstm(activation="tanh"), Unsupported, "loop", "activation='tanh'", "quantized_tanh(8)")
    third = keras.activations.hard_sigmoid
    refused(lstm(recurrent_activation=third), Unsupported, "loop", "on no grid", "quantized_sigmoid(4)")


def test_a_float_bias_is_refused() -> None:
    model = lstm(bias_quantizer=None)
    weights = model.layers[-1].get_weights()
    model.layers[-1].set_weights([*weights[:2], np.full_like(weights[2], 0.1)])
    refused(model, Unsupported, "loop", "its bias", "bias_quantizer=")


def test_a_scale_that_is_no_power_of_two_is_refused() -> None:
    refused(lstm(kernel_quantizer="quantized_bits(4,0,alpha='auto')"), Unsupported, "loop", "weights need", "alpha=1")


def test_a_stateful_layer_is_refused() -> None:
    x = keras.Input(batch_shape=(1, 3, 2))
    model = keras.Model(x, bw.QSimpleRNN(2, name="loop", stateful=True, **FEW)(quantized(x)))
    refused(model, Unsupported, "loop", "stateful=True", "stateful=False")


def test_an_input_on_a_step_that_is_no_power_of_two_is_refused() -> None:
    layer = bw.QSimpleRNN(2, name="loop", **FEW)
    model = chain(layer, shape=(3, 2), entry=False)
    refused(model, Inexact, "loop", "no power of two", "QActivation", input_format=("u8.0", "1/255"))


def test_a_float_cell_is_refused() -> None:
    refused(chain(kl.RNN(kl.LSTMCell(2), name="loop"), shape=(3, 2)), Unsupported, "loop", "LSTMCell", "QLSTM")


def test_a_given_initial_state_is_refused() -> None:
    x, state = keras.Input((3, 2)), keras.Input((2,))
    y = bw.QSimpleRNN(2, name="loop", **FEW)(quantized(x), initial_state=quantized(state))
    refused(keras.Model([x, state], y), Unsupported, "loop", "2 tensors", "")
