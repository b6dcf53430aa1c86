"""Folding keeps a pace with the least hardware, and configurations say what they mean."""

from __future__ import annotations

import json

import pytest

from bitwright.core.errors import ConfigError, InvalidValue, Unsupported
from bitwright.ir.dataflow import schedule
from bitwright.ir.dataflow.ops import Memory
from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.ops import Conv, Dense, Map, MaxPool, Reshape
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Steps
from bitwright.passes.streaming import Fold, Folding, Kernel, Place, foldings_of, foldings_to_json, legal_foldings
from bitwright.platforms import device


def network() -> Graph:
    builder = GraphBuilder()
    x = builder.input(TensorType((10, 10, 4), Ints(-8), Ints(7), Steps.of(1)), "x")
    taps = [[[[(a * b + c - d) % 5 - 2 for a in range(12)] for b in range(4)] for c in range(3)] for d in range(3)]
    weights = Ints(taps)
    conv = Conv(weights, Ints([0] * 12), (1, 1), ((0, 0), (0, 0)), (1, 1))
    y = builder.apply(conv, [x], step=Steps.of(1), name="conv")
    relu = ShiftRoundSaturate(Ints([1]), Ints([0]), Ints([4]), Rounding.FLOOR, Ints([0]), Ints([15]))
    y = builder.apply(Map(relu, Ints(0)), [y], step=Steps.of(1), name="relu")
    y = builder.apply(MaxPool((2, 2), (2, 2), ((0, 0), (0, 0))), [y], name="pool")
    y = builder.apply(Reshape((192,)), [y], name="flat")
    head = Dense(Ints([[(3 * i + j) % 7 - 3 for j in range(6)] for i in range(192)]), Ints([1] * 6))
    y = builder.apply(head, [y], step=Steps.of(1), name="head")
    return builder.graph("net", [y])


@pytest.mark.parametrize("pace", [64 * 12 * 9, 4000, 1000, 576])
def test_no_process_takes_more_steps_than_the_pace(pace: int) -> None:
    graph = network()
    program = Place(device("xc7z020"), 100, Fold(pace)(graph))(graph)
    for node in program.nodes:
        args = [program.nodes[a].type for a in node.args]
        assert max(p.steps for p in schedule(node.op, node.type, args)[0]) <= pace, node.name


def test_a_slower_pace_takes_fewer_products_at_a_time() -> None:
    def products(pace: int) -> int:
        return sum(f.lanes * f.units for f in Fold(pace)(network()).values())

    counts = [products(pace) for pace in (600, 1200, 2400, 4800, 9600)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 4 * counts[-1]


def test_a_pace_that_no_folding_keeps_is_refused_with_the_layer() -> None:
    with pytest.raises(Unsupported, match="layer 'conv': a frame takes 576 cycles"):
        Fold(200)(network())


def test_inputs_come_in_the_words_that_their_reader_takes() -> None:
    found = Fold(1000)(network())
    assert found["x"].lanes == found["conv"].lanes


def test_a_folding_configuration_reads_back_and_overrides_single_layers() -> None:
    graph = network()
    made = Fold(1000)(graph)
    assert foldings_of(json.loads(foldings_to_json(made)), graph, {}) == made
    told = foldings_of({"conv": {"SIMD": 2, "PE": 3, "weights": "block", "kernel": "unrolled"}}, graph, made)
    assert told["conv"] == Folding(2, 3, Kernel.UNROLLED, Memory.BLOCK)
    assert told["head"] == made["head"]


def test_unknown_layers_and_keys_of_a_configuration_are_errors_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean conv"):
        foldings_of({"conw": {"SIMD": 2}}, network(), {})
    with pytest.raises(InvalidValue, match="SIMDs"):
        foldings_of({"conv": {"SIMDs": 2}}, network(), {})


def test_foldings_that_mean_nothing_are_refused_with_the_layer() -> None:
    with pytest.raises(InvalidValue, match="'conv'"):
        foldings_of({"conv": {"SIMD": 0}}, network(), {})
    with pytest.raises(Unsupported, match="input 'x'"):
        Place(device("xc7z020"), 100, {"x": Folding(7)})(network())


def test_foldings_of_a_convolution_are_divisors_of_channels_and_filters() -> None:
    graph = network()
    conv = next(n for n in graph.nodes if n.name == "conv")
    found = legal_foldings(conv.op, conv, [graph.nodes[0].type])
    assert {f.lanes for f in found} == {1, 2, 4}
    assert {f.units for f in found} == {1, 2, 3, 4, 6, 12}
