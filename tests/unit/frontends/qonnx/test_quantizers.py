"""QONNX's quantizers on values worked out by hand: ties, clips, widths of one bit, zero points."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.onnx_models import QONNX, model, node, parsed

from bitwright.core.errors import InvalidModel
from bitwright.frontends.qonnx import Executor

TIES = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]


def call(kind: str, x: Any, *parameters: Any, domain: str = QONNX, **told: Any) -> np.ndarray:
    values = np.asarray(x, dtype=np.float32)
    held = {f"c{i}": np.asarray(p, dtype=np.float32) for i, p in enumerate(parameters)}
    proto = model([node(kind, ["x", *held], "y", domain, **told)], {"x": values.shape}, constants=held)
    return Executor(parsed(proto))([values])[0]


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        ("ROUND", [-2, -2, 0, 0, 2, 2]),
        ("half_even", [-2, -2, 0, 0, 2, 2]),
        ("CEIL", [-2, -1, 0, 1, 2, 3]),
        ("FLOOR", [-3, -2, -1, 0, 1, 2]),
        ("UP", [-3, -2, -1, 1, 2, 3]),
        ("DOWN", [-2, -1, 0, 0, 1, 2]),
        ("HALF_UP", [-3, -2, -1, 1, 2, 3]),
        ("HALF_DOWN", [-2, -1, 0, 0, 1, 2]),
    ],
)
def test_ties_go_where_the_rounding_mode_says(mode: str, wanted: list[float]) -> None:
    assert call("Quant", TIES, 1, 0, 8, signed=1, narrow=0, rounding_mode=mode).tolist() == wanted


@pytest.mark.parametrize(
    ("signed", "narrow", "wanted"),
    [(1, 0, [-4, 3]), (1, 1, [-3, 3]), (0, 0, [0, 7]), (0, 1, [0, 6])],
)
def test_the_ends_follow_signed_and_narrow(signed: int, narrow: int, wanted: list[float]) -> None:
    assert call("IntQuant", [-99, 99], 1, 0, 3, signed=signed, narrow=narrow).tolist() == wanted


def test_a_value_is_clipped_before_it_is_rounded() -> None:
    # 7.4 is clipped to 7 and stays there; rounded first by CEIL it would be clipped from 8.
    assert call("Quant", [7.4, 6.4], 1, 0, 3, signed=0, rounding_mode="CEIL").tolist() == [7, 7]


def test_one_signed_bit_is_a_sign_and_zero_counts_as_positive() -> None:
    assert call("Quant", [-0.1, 0, 3], 0.5, 0, 1, signed=1).tolist() == [-0.5, 0.5, 0.5]
    assert call("BipolarQuant", [-0.1, 0, 3], 0.5).tolist() == [-0.5, 0.5, 0.5]


def test_a_zero_point_shifts_the_codes_and_not_the_values() -> None:
    assert call("Quant", [-4, 0, 1, 9], 1, 2, 3, signed=0).tolist() == [-2, 0, 1, 5]


def test_every_domain_of_the_exporters_is_known() -> None:
    for domain in ("onnx.brevitas", "finn.custom_op.general", "qonnx.custom_op.general"):
        assert call("Quant", [0.3], 0.5, 0, 4, domain=domain, signed=1).tolist() == [0.5]


def test_both_versions_of_trunc_drop_bits() -> None:
    assert call("Trunc", [5, 7, -5], 1, 0, 4, 3, rounding_mode="FLOOR").tolist() == [2, 3, -3]
    assert call("Trunc", [5, 7, -5, 99], 1, 0, 4, 2, 3, rounding_mode="FLOOR").tolist() == [4, 6, -6, 6]


def test_float_quant_keeps_mantissa_bits_and_saturates() -> None:
    # Four exponent bits, two of mantissa, bias 7: steps of 0.25 between 1 and 2, of 2**-8 below 2**-6.
    x = [1.1, 1.125, 1.3, 2.0**-7, 2.0**-10, -1000]
    found = call("FloatQuant", x, 1, 4, 2, 7, 240, signed=1)
    assert found.tolist() == [1.0, 1.0, 1.25, 2.0**-7, 0.0, -240]


def test_multi_threshold_counts_reached_thresholds_per_channel() -> None:
    x = np.array([[0.0, 1.0, 2.0]], dtype=np.float32)
    steps = [[0, 1], [1, 5], [9, 9]]
    assert call("MultiThreshold", x, steps, out_scale=2.0, out_bias=-1.0).tolist() == [[1.0, 1.0, -1.0]]
    assert call("MultiThreshold", x, [[0.0, 2.0]]).tolist() == [[1, 1, 2]]


def test_xnor_popcount_counts_equal_bits() -> None:
    assert call("XnorPopcountMatMul", [[1, 0, 1]], [[1], [1], [1]]).tolist() == [[2]]


def test_quantized_average_pooling_shifts_what_does_not_fit() -> None:
    x = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    found = call("QuantAvgPool2d", x, kernel=2, stride=2, ibits=4, obits=4, signed=0)
    assert found.tolist() == [[[[10 // 4, 18 // 4], [42 // 4, 50 // 4]]]]


def test_a_width_of_nothing_is_refused_by_node() -> None:
    with pytest.raises(InvalidModel, match="Quant"):
        call("Quant", [1.0], 1, 0, 0, signed=1)
