"""Input encoders give the quantizer's own code for every float32: ties, signed zeros, denormals, giants."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import bitwright as bw
from bitwright.frontends.keras import read_model
from bitwright.ir.interface import RoundEncoder

QUANTIZERS = [
    "quantized_bits(6,2,alpha=1)", "quantized_bits(6,2,1,alpha=1)", "quantized_bits(5,1,keep_negative=0,alpha=1)",
    "quantized_bits(1,0,alpha=1)", "quantized_bits(4,1,alpha=0.5)",
    "quantized_relu(5,2)", "quantized_relu(4,1,negative_slope=0.25)", "quantized_relu(4,0,relu_upper_bound=0.8)",
    "quantized_tanh(5)", "quantized_tanh(4,use_real_tanh=1)", "quantized_sigmoid(5)",
    "quantized_sigmoid(5,use_real_sigmoid=1)", "binary(alpha=1)", "binary(use_01=1,alpha=1)", "ternary(alpha=1)",
    "quantized_po2(4,2)", "quantized_relu_po2(4,2)",
]  # fmt: skip


def dense_sample() -> np.ndarray:
    """Floats of every binade and sign, neighbors of many ties, zeros, denormals, the largest."""
    info = np.finfo(np.float32)
    rng = np.random.default_rng(7)
    powers = np.float32(2.0) ** np.arange(-126, 127, dtype=np.float32)
    ties = np.arange(-400, 401, dtype=np.float32) / 64
    third = np.arange(-200, 201, dtype=np.float32) * np.float32(0.3) / 16
    parts = [powers, ties, third, rng.normal(size=3000).astype(np.float32) * 3, rng.uniform(-1, 1, 2000)]
    base = np.concatenate([np.asarray(p, np.float32) for p in parts])
    near = [base, np.nextafter(base, np.float32(9)), np.nextafter(base, np.float32(-9))]
    special = np.float32([0.0, -0.0, info.max, -info.max, info.tiny, info.smallest_subnormal, -info.smallest_subnormal])
    every = np.concatenate([*near, *[-n for n in near], special]).astype(np.float32)
    return np.pad(every, (0, -len(every) % 4)).reshape(-1, 4)


SAMPLE = dense_sample()


@pytest.mark.parametrize("quantizer", QUANTIZERS)
def test_the_encoder_gives_the_quantizers_own_code_for_every_float(quantizer: str) -> None:
    x = keras.Input((4,))
    model = keras.Model(x, bw.QActivation(quantizer)(x))
    reading = read_model(model)
    (encoder,), (decoder,) = reading.encoders, reading.decoders
    expected = model.predict(SAMPLE, batch_size=len(SAMPLE), verbose=0)
    codes = encoder(SAMPLE)
    assert np.array_equal(decoder.values(codes), expected)
    (node,) = reading.graph.inputs
    assert (codes >= node.type.low.array).all()
    assert (codes <= node.type.high.array).all()
    assert np.array_equal(np.unique(codes)[[0, -1]], [node.type.low.array.min(), node.type.high.array.max()])


def test_plain_formats_are_proven_to_be_plain_rounding() -> None:
    x = keras.Input((4,))
    for quantizer in ("quantized_bits(6,2,alpha=1)", "quantized_relu(5,2)", "quantized_bits(4,1,1,alpha=1)"):
        reading = read_model(keras.Model(x, bw.QActivation(quantizer)(x)))
        assert isinstance(reading.encoders[0], RoundEncoder)
        assert all(f.exact for f in reading.findings)


def test_samples_of_an_encoder_encode_to_their_codes() -> None:
    x = keras.Input((4,))
    for quantizer in QUANTIZERS:
        reading = read_model(keras.Model(x, bw.QActivation(quantizer)(x)))
        (encoder,), (node,) = reading.encoders, reading.graph.inputs
        low, high = int(node.type.low.array.min()), int(node.type.high.array.max())
        reached: Any = np.unique(encoder(SAMPLE))
        codes = np.resize(reached, (-(-len(reached) // 4), 4))
        assert (reached[0], reached[-1]) == (low, high)
        found = encoder(encoder.sample(codes))
        assert np.array_equal(found, codes)


def test_infinite_inputs_saturate_and_nan_is_refused() -> None:
    x = keras.Input((1,))
    for quantizer in ("quantized_bits(6,2,alpha=1)", "quantized_tanh(5)"):
        model = keras.Model(x, bw.QActivation(quantizer)(x))
        (encoder,) = read_model(model).encoders
        ends = encoder(np.float32([[-np.inf], [np.inf]])).ravel()
        giants = encoder(np.float32([[-3e38], [3e38]])).ravel()
        assert np.array_equal(ends, giants)
        with pytest.raises(bw.BitwrightError, match=r"the input holds NaN(?s:.*)try: clean the data first"):
            encoder(np.float32([[np.nan]]))
