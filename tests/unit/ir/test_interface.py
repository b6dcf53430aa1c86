"""The doors between floats and codes: encoders are exact, decoders give values, heads are the float functions."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest

from bitwright.core.errors import InvalidValue
from bitwright.ir.interface import Decoder, Head, LevelEncoder, RoundEncoder
from bitwright.numeric import IntArray, Steps

STEPS = [Fraction(text) for text in ("1/8", "1", "4", "1/1048576", "1/255", "1/3", "3", "5/2")]


def exact_code(x: np.float32, encoder: RoundEncoder) -> int:
    return min(max(round(Fraction(float(x)) / encoder.step), encoder.low), encoder.high)


@pytest.mark.parametrize("step", STEPS, ids=str)
@pytest.mark.parametrize(("low", "high"), [(-128, 127), (0, 255), (0, 1), (-1, 0), (3, 3), (-7, -2)])
def test_rounding_encoders_are_exact_at_ties_and_beside_them(step: Fraction, low: int, high: int) -> None:
    encoder = RoundEncoder(0, step, low, high)
    rng = np.random.default_rng(1)
    ties = np.array([float(step * Fraction(2 * k + 1, 2)) for k in range(low - 3, high + 3)], dtype=np.float32)
    spread = np.nextafter(ties, np.float32(-np.inf)), np.nextafter(ties, np.float32(np.inf))
    noise = (rng.uniform(low - 2, high + 2, 200) * float(step)).astype(np.float32)
    x = np.concatenate([ties, *spread, noise, np.float32([0, -0.0, 1e-40, 1e30, -1e30])])
    assert encoder(x).tolist() == [exact_code(v, encoder) for v in x]
    assert encoder(x.astype(np.float64)).tolist() == encoder(x).tolist()


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_samples_of_codes_encode_back_to_them(step: Fraction) -> None:
    encoder = RoundEncoder(0, step, -300, 200)
    codes = np.arange(-300, 201).reshape(3, -1)
    x = encoder.sample(codes)
    assert x.dtype == np.float32
    assert (encoder(x) == codes).all()


@pytest.mark.filterwarnings("error")
def test_values_beyond_every_code_saturate_without_a_warning() -> None:
    encoder = RoundEncoder(0, Fraction(1, 16), -8, 7)
    assert encoder(np.float32([3e38, -3e38, np.inf, -np.inf])).tolist() == [7, -8, 7, -8]


def test_wide_codes_saturate_at_their_own_ends() -> None:
    encoder = RoundEncoder(0, Fraction(1), -(1 << 31), (1 << 31) - 1)
    found = encoder(np.float32([3e9, -3e9, np.inf, -np.inf, 2.0**30]))
    assert found.tolist() == [(1 << 31) - 1, -(1 << 31), (1 << 31) - 1, -(1 << 31), 1 << 30]


def level_encoder(direction: int = 1) -> LevelEncoder:
    inf = np.inf
    levels = np.float32([[-1.5, 0, 2.25], [0.5, inf, inf], [inf, inf, inf]])
    return LevelEncoder(1, levels, np.array([-2, 7, 4]), np.array([direction, -1, 1]))


def test_level_encoders_count_the_levels_of_their_column() -> None:
    below = np.nextafter(np.float32([-1.5, 0.5, 9e9]), np.float32(-np.inf))
    x = np.stack([below, np.float32([-1.5, 0.5, -5]), np.float32([2.25, 1e30, 0]), np.float32([0, 0, np.inf])])
    assert level_encoder()(x)[:3].tolist() == [[-2, 7, 4], [-1, 6, 4], [1, 6, 4]]
    assert level_encoder(-1)(x)[:3, 0].tolist() == [-2, -3, -5]


def test_level_encoders_of_one_column_serve_every_axis() -> None:
    encoder = LevelEncoder(0, np.float32([[0.25, 0.75]]), np.array([3]), np.array([1]))
    x = np.float32([[[0, 0.25]], [[0.5, 0.75]]])
    assert encoder(x).tolist() == [[[3, 4]], [[4, 5]]]


@pytest.mark.parametrize("direction", [1, -1])
def test_level_encoders_encode_their_samples_back(direction: int) -> None:
    encoder = level_encoder(direction)
    codes: IntArray = np.array([[-2 + direction * k, 7 - k % 2, 4] for k in range(4)])
    assert (encoder(encoder.sample(codes)) == codes).all()
    one = LevelEncoder(0, np.float32([[0.25, 0.75]]), np.array([3]), np.array([direction]))
    codes = 3 + direction * np.array([[0, 1], [2, 0]])
    assert (one(one.sample(codes)) == codes).all()


def test_an_input_of_one_code_encodes_and_samples() -> None:
    encoder = LevelEncoder(0, np.zeros((1, 0), dtype=np.float32), np.array([5]), np.array([1]))
    assert encoder(np.float32([[1, -1]])).tolist() == [[5, 5]]
    assert encoder.sample(np.array([[5, 5]])).shape == (1, 2)


@pytest.mark.parametrize("encoder", [RoundEncoder(0, Fraction(1, 8), -8, 7), level_encoder()])
def test_nan_is_refused(encoder: RoundEncoder | LevelEncoder) -> None:
    with pytest.raises(InvalidValue, match="NaN"):
        encoder(np.float32([[0, np.nan, 0]]))


def test_descriptions_are_plain_json() -> None:
    for encoder in (RoundEncoder(0, Fraction(1, 255), 0, 255), level_encoder()):
        text = json.dumps(encoder.describe(), allow_nan=False)
        assert json.loads(text)["kind"] in ("round_half_even", "levels")
    assert level_encoder().describe()["levels"] == [[-1.5, 0.0, 2.25], [0.5], []]


def test_a_decoder_gives_code_times_step() -> None:
    decoder = Decoder(Steps.of([Fraction(1, 4), Fraction(1, 255)]))
    codes = np.array([[3, 255], [-8, 0]])
    assert decoder(codes).tolist() == [[0.75, 1.0], [-2.0, 0.0]]
    assert decoder(codes).dtype == np.float32
    assert Decoder(Steps.of(2))(np.array([[7]])).tolist() == [[14.0]]


def truth(head: Head, x: np.ndarray) -> np.ndarray:
    wide = x.astype(np.float64)
    with np.errstate(over="ignore"):
        lifted = wide - wide.max(axis=-1, keepdims=True)
        share = np.exp(lifted) / np.exp(lifted).sum(axis=-1, keepdims=True)
        functions = {
            Head.NONE: wide,
            Head.SOFTMAX: share,
            Head.LOG_SOFTMAX: lifted - np.log(np.exp(lifted).sum(axis=-1, keepdims=True)),
            Head.SIGMOID: 1 / (1 + np.exp(-wide)),
            Head.TANH: np.tanh(wide),
        }
    return functions[head]


@pytest.mark.parametrize("head", list(Head))
def test_heads_are_the_float_functions_without_overflow(head: Head) -> None:
    x = np.float32([[0, 1, -2], [80, -80, 79.5], [-500, 500, 0]])
    with np.errstate(all="raise", under="ignore"):
        found = Decoder(Steps.of(Fraction(1, 2)), head)(x.astype(np.int64) * 2)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, truth(head, x.astype(np.int64)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("direction", [1, -1])
def test_few_levels_give_the_same_codes_as_floats(direction: int) -> None:
    levels = np.array([[-0.5, 0.25, np.inf]], dtype=np.float32)
    encoder = LevelEncoder(0, levels, np.array([-3]), np.array([direction]))
    x = np.array([[-1e30, -0.5, np.nextafter(np.float32(-0.5), np.float32(-1)), 0.25, 7, 1e38]], dtype=np.float32)
    assert encoder.floats(x).dtype == np.float32
    assert np.array_equal(encoder.floats(x), encoder(x))
    with pytest.raises(InvalidValue):
        encoder.floats(np.array([[np.nan]]))


def test_a_decoders_table_gives_and_takes_back_its_values() -> None:
    decoder = Decoder(Steps.of(1), Head.NONE, -1, (-2.5, 0.125, 3.0))
    codes = np.array([[-1, 0, 1]])
    assert decoder(codes).tolist() == [[-2.5, 0.125, 3.0]]
    assert np.array_equal(decoder.codes(decoder(codes)), codes)
    assert decoder.codes(np.array([1.0])).tolist() != [0.0]
