"""Each quantizer as activation, kernel and entry: the same function down to the netlist, or refused by name."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from tests.keras_models import dense, exact, quantized

import bitwright as bw
from bitwright import quantizers as q
from bitwright.core.errors import Unsupported

ACTIVATIONS = [
    "quantized_linear(4,1)",
    "quantized_linear(1,1)",
    "quantized_linear(4,1,0,alpha=0.375)",
    "quantized_linear(4,0,0,False)",
    "quantized_linear(4,1,alpha=[0.5,1.0,2.0,0.25])",
    "quantized_bits(4,1,alpha=[0.5,1.0,2.0,0.25])",
    "quantized_hswish(6,2)",
    "quantized_hswish(4,1,1,alpha=0.5)",
    "stochastic_binary(alpha=0.5)",
    "stochastic_ternary(alpha=0.5,threshold=0.4)",
    "quantized_relu_po2(3)",
    "quantized_bits_learnable_po2(4,init_scale=0.25,use_po2_scale_msqe_round=False)",
]
KERNELS = [
    "quantized_linear(4,1)",
    "quantized_linear(4,1,alpha='auto')",
    "quantized_linear(1,0,alpha=1)",
    "stochastic_binary",
    "stochastic_ternary(alpha='auto')",
    "quantized_bits_msqe_po2(4)",
    "quantized_bits_learnable_po2(4,per_channel_scale=True)",
]


@pytest.mark.parametrize("text", ACTIVATIONS)
def test_activations_are_exact_down_to_the_netlist(text):
    x = keras.Input((5,))
    exact(x, dense(2)(bw.QActivation(text)(dense(4)(quantized(x)))))


@pytest.mark.parametrize("text", KERNELS)
def test_kernels_are_exact_down_to_the_netlist(text):
    x = keras.Input((5,))
    exact(x, quantized(dense(4, kernel_quantizer=text)(quantized(x))))


def test_scales_per_channel_quantize_an_input():
    x = keras.Input((4,))
    exact(x, dense(2)(bw.QActivation("quantized_bits(4,1,alpha=[0.5,1.0,2.0,0.25])")(x)))


def test_scales_per_position_are_exact_too():
    x = keras.Input((3, 4))
    scaled = bw.QActivation(q.quantized_bits(4, 1, alpha=np.array([[0.5], [1.0], [2.0]])))(quantized(x))
    exact(x, dense(2)(keras.layers.Flatten()(scaled)))


def test_mu_law_lowers_with_a_quantizer_behind_it():
    x = keras.Input((3,))
    exact(x, quantized(bw.QActivation("quantized_ulaw(4,1)")(dense(4)(quantized(x)))))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("bernoulli(alpha=1)", "draws its values at inference too"),
        ("stochastic_binary(alpha='auto')", "depends on the whole tensor"),
        ("quantized_linear(4,alpha='auto_po2')", "depends on the whole tensor"),
        ("quantized_bits_msqe_po2(4)", "depends on the whole tensor"),
        ("quantized_bits_learnable_po2(4,init_scale=0.25)", "depends on the whole tensor"),
        ("quantized_ulaw(4)", "lie on no grid"),
        ("quantized_bits(4,1,alpha=[0.3,1.0,2.0,0.7])", "lie on no grid"),
    ],
)
def test_activations_that_hardware_cannot_compute_are_refused_by_name(text, why):
    x = keras.Input((5,))
    with pytest.raises(Unsupported, match=why) as refusal:
        exact(x, dense(2)(bw.QActivation(text, name="strange")(dense(4)(quantized(x)))))
    assert "layer 'strange'" in str(refusal.value)
    assert "try:" in str(refusal.value)


def test_a_kernel_that_is_drawn_anew_each_time_is_refused():
    x = keras.Input((5,))
    with pytest.raises(Unsupported, match="layer 'drawn': bernoulli"):
        exact(x, dense(2, "drawn", kernel_quantizer="bernoulli")(quantized(x)))
