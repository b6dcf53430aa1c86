"""Forgiving factors: what they compare, what they keep, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from bitwright.core.errors import ConfigError, InvalidValue
from bitwright.search.scores import (
    ForgivingFactorBits,
    ForgivingFactorPower,
    forgiven,
    forgiving_factor,
    goal_of,
)
from bitwright.train.door import keras
from bitwright.train.utilities.dictionary import model_quantize


def model(units: int = 4) -> Any:
    layers = [keras.layers.Dense(units, "relu", name="fc"), keras.layers.Dense(2, name="out")]
    return keras.Sequential([keras.Input((3,)), *layers])


def quantized(bits: int = 2) -> Any:
    entry = {"kernel_quantizer": f"quantized_bits({bits},0,1,alpha=1.0)", "bias_quantizer": f"quantized_bits({bits})"}
    return model_quantize(model(), {"QDense": entry}, bits)


def test_half_the_size_forgives_exactly_the_share_that_was_named_and_twice_the_size_costs_it() -> None:
    assert forgiven(100, 50, 0.1, 0.3, 2.0) == pytest.approx(0.1, rel=1e-7)
    assert forgiven(100, 200, 0.1, 0.3, 2.0) == pytest.approx(-0.3, rel=1e-7)
    assert forgiven(100, 100, 0.1, 0.3, 2.0) == 0


def test_bits_count_inputs_weights_and_activations_by_hand() -> None:
    factor = ForgivingFactorBits(input_bits=6, ref_bits=7)
    assert factor.get_reference(model()) == 3 * 6 + (3 * 4 + 4) * 7 + 4 * 7 + (4 * 2 + 2) * 7
    assert factor.get_trial(quantized(2)) == 3 * 6 + (3 * 4 + 4) * 2 + 4 * 2 + (4 * 2 + 2) * 2


def test_the_configuration_says_which_classes_count_and_with_which_part() -> None:
    factor = ForgivingFactorBits(config={"Dense": ["activations"]})
    assert factor.get_reference(model()) == 4 * 8
    assert set(factor.get_reference_stats()) == {"fc", "out"}
    factor.get_trial(quantized())
    with pytest.raises(InvalidValue, match="cannot be compared"):
        factor.delta()


def test_the_reference_is_the_first_model_that_was_shown_and_stress_scales_it() -> None:
    factor = ForgivingFactorBits(stress=0.5)
    first = factor.get_reference(model())
    assert factor.get_reference(model(40)) == first == factor.reference_size
    assert ForgivingFactorBits().get_reference(model()) == 2 * first


@pytest.mark.parametrize("kind", list(forgiving_factor))
def test_fewer_bits_score_higher_at_equal_accuracy(kind: str) -> None:
    factor = forgiving_factor[kind]()
    factor.get_reference(model())
    deltas = []
    for bits in (8, 4, 2):
        factor.get_trial(quantized(bits))
        deltas.append(factor.delta())
    assert deltas == sorted(deltas)
    assert deltas[0] < deltas[-1]


def test_a_factor_without_models_says_what_to_call() -> None:
    with pytest.raises(InvalidValue, match="get_reference"):
        ForgivingFactorBits().delta()


def test_the_line_of_statistics_has_both_sizes_and_the_delta(capsys: pytest.CaptureFixture[str]) -> None:
    factor = ForgivingFactorBits()
    factor.get_reference(model())
    factor.get_trial(quantized())
    factor.print_stats(verbosity=1)
    printed = capsys.readouterr().out
    assert f"trial={factor.trial_size:g} reference={factor.reference_size:g}" in printed
    assert "  fc: {'parameters': 32, 'activations': 8, 'total': 40}" in printed


def test_goals_are_told_as_qkeras_tells_them_and_misspelled_ones_are_refused_with_the_nearest() -> None:
    factor = goal_of({"type": "energy", "params": {"rate": 4.0, "parameters_on_memory": ["sram", "sram"]}})
    assert isinstance(factor, ForgivingFactorPower)
    assert factor.rate == 4.0
    assert goal_of(factor) is factor
    assert isinstance(goal_of(None), ForgivingFactorBits)
    with pytest.raises(ConfigError, match="'bits', 'energy'"):
        goal_of({"type": "area"})
    with pytest.raises(ConfigError, match="did you mean 'stress'"):
        goal_of({"type": "bits", "params": {"stres": 1.0}})
    with pytest.raises(ConfigError, match="did you mean 'params'"):
        goal_of({"type": "bits", "param": {}})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"reference_internal": "fp8"}, "reference_internal='fp8'"),
        ({"reference_accumulator": "int8"}, "reference_accumulator='int8'"),
        ({"parameters_on_memory": "sram"}, "give a pair"),
        ({"min_sram_size": [1]}, "give a pair"),
        ({"activations_on_memory": ["dram", "flash"]}, "no memory 'flash'"),
        ({"rate": 1}, "rate above 1"),
    ],
)
def test_settings_of_energy_that_mean_nothing_are_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidValue, match=said):
        ForgivingFactorPower(**arguments)


def test_unknown_parts_of_bits_are_refused() -> None:
    with pytest.raises(ConfigError, match="no part 'weights'"):
        ForgivingFactorBits(config={"Dense": ["weights"]})
