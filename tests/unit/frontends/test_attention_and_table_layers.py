"""Attention, normalization, einsum, embedding, thermometers and slopes become integers exactly, or are refused."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl
from tests.keras_models import BIAS, KERNEL, exact, quantized, randomize
from tests.unit.frontends.test_refusals import chain, refused

import bitwright as bw
from bitwright.core.errors import Inexact, Unsupported
from bitwright.ir.graph.ops import MatMul

pytestmark = pytest.mark.usefixtures("cheap_first_weights")

AUTO = "quantized_bits(4,0,alpha='auto')"
FEW: dict[str, Any] = {
    "kernel_quantizer": KERNEL, "bias_quantizer": BIAS,
    **{f"{n}_quantizer": "quantized_bits(5,1,alpha=1)" for n in ("query", "key", "value", "context")},
}  # fmt: skip


def test_attention_of_four_tokens_and_two_heads_is_exact() -> None:
    x = keras.Input((4, 8))
    y = quantized(x)
    y = bw.QMultiHeadAttention(2, 4, weight_quantizer="quantized_relu(5,0)", **FEW)(y, y)
    design = exact(x, quantized(y, 6, 2), exempt=True)
    assert sum(isinstance(node.op, MatMul) for node in design.source.nodes) == 2


@pytest.mark.parametrize("causal", [False, True])
def test_attention_over_another_sequence_is_exact(causal: bool) -> None:
    x, other = keras.Input((2, 3)), keras.Input((3, 2))
    query, key, value = quantized(x), quantized(other), quantized(other, 4)
    layer = bw.QMultiHeadAttention(1, 2, value_dim=3, output_shape=2, use_bias=False, **FEW)
    y = layer(query=query, key=key, value=value, use_causal_mask=causal)
    exact([x, other], quantized(y, 6, 2), exempt=True)


def test_a_sliding_window_is_exact() -> None:
    x = keras.Input((4, 2))
    y = quantized(x)
    exact(x, quantized(bw.QMultiHeadAttention(1, 2, sliding_window=2, **FEW)(y, y)), exempt=True)


def test_softmax_and_normalization_are_exact() -> None:
    x = keras.Input((2, 5))
    entry = quantized(x)
    few = {"mean_quantizer": "quantized_bits(8,2,alpha=1)", "activation": "quantized_bits(5,2,alpha=1)"}
    norm = bw.QLayerNormalization(**few)
    plain = bw.QLayerNormalization(center=False, scale=False)
    exact(x, [bw.QSoftmax()(entry), norm(entry), plain(entry)], exempt=True)


def test_a_softmax_between_quantizers_is_no_float_head() -> None:
    x = keras.Input((4,))
    y = bw.QSoftmax()(quantized(x))
    exact(x, bw.QDense(2, kernel_quantizer=KERNEL, bias_quantizer=BIAS)(y), exempt=True)


# Automatic scales beside outputs of one axis, of two, and of turned ones; the other two wait for the long run.
@pytest.mark.parametrize(
    ("equation", "shape", "bias", "kernel"),
    [
        ("abc,cd->abd", (None, 5), "d", KERNEL),
        ("abc,cd->abd", (None, 5), "d", AUTO),
        ("...x,xy->...y", 5, "y", KERNEL),
        ("abc,cde->abde", (None, 2, 3), "de", KERNEL),
        ("abc,cde->abde", (None, 2, 3), "de", AUTO),
        ("abc,bcd->ad", 5, "d", KERNEL),
        ("abc,cde->abed", (None, 3, 2), None, KERNEL),
        pytest.param("...x,xy->...y", 5, "y", AUTO, marks=pytest.mark.long),
        pytest.param("abc,bcd->ad", 5, "d", AUTO, marks=pytest.mark.long),
        ("abc,cde->abed", (None, 3, 2), None, AUTO),
    ],
)
def test_an_einsum_is_exact(equation: str, shape: Any, bias: str | None, kernel: str) -> None:
    x = keras.Input((3, 2))
    told = {"kernel_quantizer": kernel, "bias_quantizer": BIAS, "activation": "quantized_bits(6,2,alpha=1)"}
    exact(x, bw.QEinsumDense(equation, shape, bias_axes=bias, **told)(quantized(x)))


def test_an_einsum_whose_output_turns_axes_is_exact() -> None:
    x = keras.Input((3, 2))
    layer = bw.QEinsumDense("abc,cde->adbe", (2, None, 4), bias_axes="de", kernel_quantizer=KERNEL, bias_quantizer=BIAS)
    exact(x, layer(quantized(x)))


def test_an_embedding_is_a_table() -> None:
    x = keras.Input((3,))
    y = bw.QEmbedding(6, 2, embeddings_quantizer="quantized_bits(4,0)")(x)
    model = randomize(keras.Model(x, bw.QDense(2, kernel_quantizer=KERNEL, bias_quantizer=BIAS)(kl.Flatten()(y))))
    design = bw.compile(model)
    indices = np.random.default_rng(1).integers(0, 6, size=(50, 3)).astype(np.float32)
    assert design.verify(indices, rtl=False).differences == 0
    assert design.graph.inputs[0].type.high.array.max() == 5


def test_thermometers_are_tables() -> None:
    x = keras.Input((3,))
    y = bw.QActivation("quantized_relu(4,3)")(x)
    outputs = [bw.BinaryToThermometer(y, 4, 8, True, merge, two) for merge in (False, True) for two in (False, True)]
    outputs.append(quantized(bw.BinaryToThermometer(y, 3, 7, True)))
    exact(x, outputs)


@pytest.mark.parametrize("shared", [None, [1], [1, 2]])
def test_slopes_of_any_sharing_are_tables(shared: Any) -> None:
    x = keras.Input((3, 2))
    entry = quantized(x)
    quant = bw.QPReLU(alpha_quantizer=KERNEL, shared_axes=shared, activation="quantized_bits(5,1,alpha=1)")
    exact(x, [quantized(kl.PReLU(shared_axes=shared)(entry)), quant(entry)])


@pytest.mark.parametrize("name", ["gelu", "silu", "elu", "hard_silu", "mish"])
def test_curves_that_fall_and_rise_are_tables(name: str) -> None:
    x = keras.Input((3,))
    exact(x, quantized(kl.Activation(name)(quantized(x, 6, 2))), exempt=True)


def test_what_is_not_exact_is_refused_by_name() -> None:
    def attentive(**told: Any) -> Any:
        x = keras.Input((2, 3))
        y = quantized(x)
        return keras.Model(x, bw.QMultiHeadAttention(1, 2, name="heads", **{**FEW, **told})(y, y))

    refused(attentive(score_quantizer=None), Unsupported, "heads", "score_quantizer=None", "score_quantizer=")
    wide = "quantized_bits(14,1,alpha=1)"
    refused(attentive(query_quantizer=wide, key_quantizer=wide), Inexact, "heads", "more than float32", "fewer bits")
    refused(chain(bw.QSoftmax(axis=1, name="soft"), shape=(2, 3)), Unsupported, "soft", "axis=1", "last axis")
    norm = bw.QLayerNormalization(mean_quantizer=None, name="norm")
    refused(chain(norm, shape=(2, 3)), Unsupported, "norm", "mean_quantizer=None", "mean_quantizer=")
    shared = bw.QEinsumDense("abc,bcd->abd", (2, 2), kernel_quantizer=KERNEL, name="sum")
    refused(chain(shared, shape=(2, 3)), Unsupported, "sum", "abc,bcd->abd", "one layer for each slice")
    words = bw.QEmbedding(4, 2, embeddings_quantizer=KERNEL, mask_zero=True, name="words")
    refused(chain(words, shape=(2,), entry=False), Unsupported, "words", "mask_zero", "mask_zero=False")
    words = bw.QEmbedding(4, 2, embeddings_quantizer=KERNEL, name="words")
    refused(chain(words, shape=(2,)), Unsupported, "words", "indices", "an input of the model")


def test_a_mask_is_refused_and_scores_are_not_returned() -> None:
    x, mask = keras.Input((2, 3)), keras.Input((2, 2))
    y = quantized(x)
    masked = bw.QMultiHeadAttention(1, 2, name="heads", **FEW)(y, y, attention_mask=mask)
    refused(keras.Model([x, mask], masked), Unsupported, "heads", "mask", "use_causal_mask")
    both = bw.QMultiHeadAttention(1, 2, name="heads", **FEW)(y, y, return_attention_scores=True)
    refused(keras.Model(x, both), Unsupported, "heads", "return_attention_scores", "leave it out")
