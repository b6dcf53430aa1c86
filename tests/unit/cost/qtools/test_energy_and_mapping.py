"""Maps, energies, sizes and unrollings of networks written by hand: no Keras is needed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from bitwright.core.errors import InvalidValue, Unsupported
from bitwright.cost import qtools
from bitwright.cost.qtools.arithmetic import Unit
from bitwright.cost.qtools.bits import LayerBits, network_bits, total_bits
from bitwright.cost.qtools.rulesets import fixed, floating
from bitwright.cost.qtools.typed import Settings
from bitwright.cost.qtools.unroll import CostMode, Targets, unroll
from bitwright.ir import layers as ir

FREE = qtools.MemorySettings(qtools.Memory.FIXED, qtools.Memory.FIXED, 0, False)


def network(*layers: ir.Layer) -> ir.Network:
    """An input of 16 numbers and what follows."""
    entry = ir.Input("x", "InputLayer", (), (), (16,))
    return ir.Network((entry, *layers), (layers[-1].name,))


def dense(name: str = "fc", source: str = "x", width: int = 16, units: int = 8, bits: int = 4) -> ir.Dense:
    weights = (
        ir.Weight("kernel", (width, units), fixed(bits, 0, True)),
        ir.Weight("bias", (units,), fixed(bits, 0, True)),
    )
    return ir.Dense(name, "QDense", (source,), ((width,),), (units,), weights, quantized=True)


def relu(name: str, source: str, width: int = 8) -> ir.Activation:
    held = fixed(4, 2, False, "quantized_relu")
    return ir.Activation(name, "QActivation", (source,), ((width,),), (width,), (), True, held)


def test_a_dense_layer_gets_the_types_that_its_definition_demands() -> None:
    typed = qtools.type_map(network(dense()), Settings())["fc"]
    assert typed.multiplier is not None
    assert typed.accumulator is not None
    assert typed.multiplier.result == fixed(11, 0, True)
    assert typed.accumulator.result == fixed(16, 5, True)
    assert typed.operation_count == 128


def test_the_rules_of_2021_count_a_bias_as_one_more_term() -> None:
    rules = qtools.rules_of("2021")
    typed = qtools.type_map(network(dense()), Settings(rules=rules))["fc"]
    assert typed.accumulator is not None
    assert typed.accumulator.result.bits == 8 + 4 + 5


def test_the_energy_of_operations_is_products_plus_sums() -> None:
    types = qtools.type_map(network(dense()), Settings())
    found = qtools.energy(types, FREE)
    process = qtools.HOROWITZ
    product = process.multiply_pj(fixed(1, 0, True), 32**0.5)
    assert found.layers[0].op_cost == round(128 * (product + process.add_pj(fixed(1, 0, True), 16)), 2)


def test_memories_cost_more_the_farther_away_they_are() -> None:
    types = qtools.type_map(network(dense(), relu("act", "fc"), dense("out", "act", 8, 4)), Settings())
    kinds = [qtools.Memory.FIXED, qtools.Memory.SRAM, qtools.Memory.DRAM]
    totals = [qtools.energy(types, qtools.MemorySettings(kind, kind, 0, False)).total_pj for kind in kinds]
    assert totals == sorted(totals)
    assert len(set(totals)) == 3
    through = qtools.energy(types, qtools.MemorySettings(qtools.Memory.DRAM, qtools.Memory.DRAM, 0, True))
    assert through.total_pj > totals[-1]


def test_floats_cost_what_their_process_says() -> None:
    process = qtools.HOROWITZ
    assert process.add_pj(floating(16), 16) == 0.4
    assert process.multiply_pj(floating(32), 32) == 3.7
    with pytest.raises(InvalidValue, match="fpm_mul"):
        qtools.process_of({"fpm_add": (1.0,)})
    with pytest.raises(InvalidValue, match="horowitz"):
        qtools.process_of("no such process")


def test_a_declared_type_replaces_all_in_a_reference() -> None:
    settings = Settings(keras_quantizer=floating(16), keras_accumulator=floating(32), for_reference=True)
    typed = qtools.type_map(network(dense(), relu("act", "fc")), settings)
    assert typed["fc"].weight == floating(16)
    assert typed["fc"].output == typed["act"].output == floating(32)


def test_the_number_of_input_types_must_fit() -> None:
    with pytest.raises(qtools.WrongInputs, match="2 types for 1 inputs"):
        qtools.type_map(network(dense()), Settings(sources=(fixed(8, 0, True), fixed(4, 0, True))))


def test_quantizers_that_qtools_does_not_know_are_refused_by_layer_unless_all_is_wanted() -> None:
    strange = replace(dense(), weights=(ir.Weight("kernel", (16, 8), fixed(4, 0, True, "quantized_linear")),))
    with pytest.raises(qtools.UnknownQuantizer, match="layer 'fc'"):
        qtools.type_map(network(strange), Settings())
    types = qtools.type_map(network(strange), Settings(coverage=qtools.Coverage.COMPLETE))
    assert types["fc"].weight == fixed(4, 0, True, "quantized_linear")


def test_a_fused_batch_normalization_moves_into_the_accumulator() -> None:
    roles = {"beta": fixed(6, 1, True), "mean": fixed(6, 1, True), "inverse": fixed(8, 2, True)}
    weights = tuple(ir.Weight(role, (8,), operand) for role, operand in roles.items())
    norm = ir.Normalization("bn", "QBatchNormalization", ("fc",), ((8,),), (8,), weights, True)
    settings = Settings(inference=True, fused={"fc": "bn"})
    types = qtools.type_map(network(dense(), norm), settings)
    assert types["bn"].output == types["fc"].output == types["fc"].part("fused_accumulator")
    assert types["fc"].output.bits > types["fc"].part("accumulator").bits  # pyright: ignore[reportOptionalMemberAccess]
    assert qtools.energy(types, FREE).layers[1].op_cost > 0


@pytest.mark.parametrize("kind", ["quantized_tanh", "quantized_ulaw"])
def test_some_types_are_handed_on_as_qkeras_misreads_them_unless_all_is_to_be_right(kind: str) -> None:
    curved = replace(relu("act", "x", 16), output=fixed(5, 0, True, kind))
    flat = ir.Shaping("flat", "Flatten", ("act",), ((16,),), (16,))
    for coverage, expected in ((qtools.Coverage.COMPATIBLE, "stochastic_ternary"), (qtools.Coverage.COMPLETE, kind)):
        types = qtools.type_map(network(curved, flat), Settings(coverage=coverage))
        assert types["flat"].output.kind == expected


def test_average_of_an_odd_window_needs_a_multiplication_and_a_power_of_two_does_not() -> None:
    def pooled(area: int) -> list[str]:
        layer = ir.AveragePool("p", "AveragePooling1D", ("x",), ((16,),), (16 // area,), area=area)
        typed = qtools.type_map(network(layer), Settings(coverage=qtools.Coverage.COMPLETE))["p"]
        return [work.unit.op for work in typed.work]

    assert pooled(4) == ["add"]
    assert pooled(3) == ["add", "mul"]


def test_json_shows_the_sign_among_the_integer_bits_and_no_number_that_is_not_there() -> None:
    assert qtools.operand_table(fixed(4, 0, True)) == {
        "quantizer_type": "quantized_bits", "bits": 4, "int_bits": 1, "is_signed": 1,
    }  # fmt: skip
    assert qtools.operand_table(floating(16)) == {"quantizer_type": "floating_point", "bits": 16}
    power = ir.Operand("quantized_po2", ir.Mode.POWER, 4, 4, True)
    assert qtools.operand_table(power, (2, 3), "add") == {
        "quantizer_type": "quantized_po2", "bits": 4, "is_signed": 1, "max_value": -1, "shape": [2, 3],
        "op_type": "add",
    }  # fmt: skip


def test_bits_are_those_of_the_quantizers_and_eight_without_one() -> None:
    bare = replace(dense("out", "act", 8, 4), weights=(ir.Weight("kernel", (8, 4), None),), quantized=False)
    norm = ir.Normalization("bn", "BatchNormalization", ("out",), ((4,),), (4,))
    found = network_bits(network(dense(), relu("act", "fc"), bare, norm))
    assert found == {
        "fc": LayerBits(136 * 4, 0), "act": LayerBits(0, 32), "out": LayerBits(256, 0), "bn": LayerBits(64, 0),
    }  # fmt: skip
    assert total_bits(found) == 136 * 4 + 32 + 256 + 64


def test_roofline_counts_products_of_bits() -> None:
    net = network(dense(), relu("act", "fc"))
    types = qtools.type_map(net, Settings())
    found = qtools.roofline(types, net)
    assert (found.ace, found.ace_float) == (128 * 4 * 8, 128 * 32 * 32)
    assert (found.weight_bytes, found.weight_bytes_float) == (64 + 4, 136 * 4)
    assert found.activation_bytes == 16 + 8 * 4 // 8
    assert qtools.roofline(types, net, include_inputs=False).activation_bytes == 4


def test_unrolling_reaches_the_target_at_the_least_area_and_slower_is_smaller() -> None:
    net = network(dense(), relu("act", "fc"), dense("out", "act", 8, 4))
    types = qtools.type_map(net, Settings())
    plans = [unroll(types, Targets(elements_per_clock=rate)) for rate in (0.25, 1, 4)]
    assert [plan.clocks <= 4 / rate for plan, rate in zip(plans, (0.25, 1, 4), strict=True)] == [True] * 3
    assert plans[0].gates < plans[1].gates < plans[2].gates
    assert all(p.unrolling.products * p.clocks >= 32 for p in plans[2].layers)


def test_unrolling_needs_products_and_a_modelled_cost() -> None:
    types = qtools.type_map(network(relu("act", "x", 16)), Settings())
    with pytest.raises(Unsupported, match="no layer adds products"):
        unroll(types, Targets())
    with pytest.raises(Unsupported, match="PE_AREA"):
        unroll(types, Targets(), CostMode.PE_AREA)


def test_words_for_rules_coverages_types_and_memories_are_checked() -> None:
    for wrong in (
        lambda: qtools.rules_of("2022"),  # pyright: ignore[reportArgumentType]
        lambda: qtools.coverage_of("all"),  # pyright: ignore[reportArgumentType]
        lambda: qtools.named_operand("int7"),
        lambda: qtools.Memory.of("tape"),
    ):
        with pytest.raises(InvalidValue):
            wrong()


def test_a_unit_can_be_declared_to_give_another_type() -> None:
    unit = Unit("mul", fixed(8, 0, True), 4.0)
    assert unit.giving(floating(16)) == Unit("mul", floating(16), 4.0)


def test_costs_are_computed_without_keras() -> None:
    told = "import bitwright.cost.qtools, sys; sys.exit(any(m in sys.modules for m in ('keras', 'jax', 'tensorflow')))"
    assert subprocess.run([sys.executable, "-c", told], check=False).returncode == 0
