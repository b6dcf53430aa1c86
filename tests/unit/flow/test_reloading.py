"""Designs whose weights and thresholds can be written: what is declared, packed, refused, and computed afterwards."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import keras
import numpy as np
import pytest

import bitwright as bw
from bitwright.core.errors import BitwrightError, ConfigError, InvalidProgram, InvalidValue, Unsupported
from bitwright.flow.reloading import declarations
from bitwright.flow.vectors import random_codes
from bitwright.ir import dataflow, graph
from bitwright.ir.dataflow.ops import MatVec

FOLDING = {"c1": {"SIMD": 2, "PE": 2}, "fc": {"SIMD": 8, "PE": 3}, "head": {"SIMD": 3, "PE": 1}}


def make_model(seed: int, *, classes: int = 4) -> Any:
    """A convolution with batch normalization and thresholds, a layer of bits, one with a scale, and plain sums."""
    keras.utils.set_random_seed(seed)
    entry = keras.Input((6, 5, 2), name="x")
    x = bw.QActivation(bw.quantized_bits(4, 1, alpha=1), name="quantize")(entry)
    x = bw.QConv2D(4, (3, 3), kernel_quantizer=bw.quantized_bits(4, 1, alpha=1), use_bias=False, name="c1")(x)
    norm = keras.layers.BatchNormalization(name="norm")
    x = bw.QActivation(bw.binary(alpha=1), name="a1")(norm(x))
    x = keras.layers.MaxPooling2D((2, 1), name="pool")(x)
    x = keras.layers.Flatten()(x)
    x = bw.QDense(6, kernel_quantizer=bw.binary(alpha=1), use_bias=False, name="fc")(x)
    x = bw.QActivation(bw.quantized_relu(6, 4), name="a2")(x)
    x = bw.QDense(
        classes, kernel_quantizer=bw.quantized_bits(4, 0, alpha=1), bias_quantizer=bw.quantized_bits(5, 1, alpha=1),
        name="head",
    )(x)  # fmt: skip
    made = keras.Model(entry, x, name="loadable")
    rng = np.random.default_rng(seed)
    norm.set_weights([rng.normal(size=4), rng.normal(size=4), rng.normal(size=4), rng.uniform(0.5, 2, size=4)])
    for layer in ("c1", "fc", "head"):
        found = made.get_layer(layer)
        found.set_weights([rng.uniform(-1.9, 1.9, size=w.shape).astype(np.float32) for w in found.get_weights()])
    return made


@pytest.fixture(scope="module")
def design() -> Any:
    return bw.compile(
        make_model(1), device="xc7z020", clock_mhz=100, folding=FOLDING, writable={"c1": 4, "fc": None, "head": "s4"}
    )


def frames(design: Any, seed: int = 3) -> list[Any]:
    return random_codes(design.graph, 4, seed)


def matrices(design: Any) -> dict[str, MatVec]:
    return {n.name: n.op for n in design.program.nodes if isinstance(n.op, MatVec)}


def other_weights(design: Any, seed: int) -> dict[str, Any]:
    """Weights anywhere in the declared formats, extremes first."""
    rng, found = np.random.default_rng(seed), dict[str, Any]()
    for node in design.graph.nodes:
        told = getattr(node.op, "writable", None)
        if told is not None:
            allowed = np.arange(told.low, told.high + 1, told.grid)
            picked = rng.choice(allowed, size=node.op.weights.shape)
            found[node.name] = (np.full_like(picked, told.low), np.full_like(picked, told.high), picked)[min(seed, 2)]
    return found


def test_the_program_of_writable_layers_is_the_network(design: Any) -> None:
    codes = frames(design)
    wanted, found = graph.run(design.graph, codes), design.run_program(codes)
    assert np.array_equal(found[0].reshape(wanted[0].shape), wanted[0])
    assert all(op.stored is not None and op.constants is not None for op in matrices(design).values())


@pytest.mark.parametrize("seed", range(4))
def test_with_any_weights_of_the_declared_formats_program_and_graph_agree(design: Any, seed: int) -> None:
    (head,) = (n for n in design.graph.nodes if n.name == "head")
    told = head.op.writable
    bias = np.random.default_rng(seed).integers(told.bias_low, told.bias_high + 1, 4)
    bias[:2] = told.bias_low, told.bias_high
    made = design.with_weights(other_weights(design, seed), {"head": bias})
    codes = [np.concatenate([c, c[:2] * 0 - 8]) for c in frames(design, seed)]
    wanted, found = graph.run(made.graph, codes), made.run_program(codes)
    assert (wanted[0] >= head.type.low.array).all()
    assert (wanted[0] <= head.type.high.array).all()
    assert np.array_equal(found[0].reshape(wanted[0].shape), wanted[0])
    assert not np.array_equal(wanted[0], graph.run(design.graph, codes)[0])


def test_ranges_hold_the_extremes_of_weights_and_biases(design: Any) -> None:
    (head,) = (n for n in design.graph.nodes if n.name == "head")
    told, given = head.op.writable, design.graph.args_of(head)[0].type
    reach = int(given.high.array.max()) * head.op.weights.shape[0]
    assert (told.bias_low, told.bias_high) != (0, 0)
    assert int(head.type.low.array.min()) == reach * told.low + told.bias_low
    assert int(head.type.high.array.max()) == reach * told.high + told.bias_high


def test_another_model_of_the_same_layers_is_loaded_with_its_normalization(design: Any) -> None:
    model = make_model(8)
    made = design.with_model(model)
    x = np.random.default_rng(0).normal(size=(20, 6, 5, 2)).astype(np.float32)
    assert np.array_equal(made.predict(x), model.predict(x, verbose=0))
    codes = made.encode(x)
    assert np.array_equal(made.run_program(codes)[0].reshape(20, -1), graph.run(made.graph, codes)[0].reshape(20, -1))
    assert made.registers() == design.registers()
    assert made.memory_words() != design.memory_words()


def test_what_is_not_in_a_memory_must_be_the_same(design: Any) -> None:
    with pytest.raises(Unsupported, match=r"other layers|built into the logic"):
        design.with_model(make_model(1, classes=3))
    some = bw.compile(make_model(1), device="xc7z020", clock_mhz=100, folding=FOLDING, writable=["fc"])
    with pytest.raises(Unsupported, match="layer 'c1'"):
        some.with_model(make_model(8))


def test_accumulators_hold_all_weights_and_the_check_says_so(design: Any) -> None:
    op = matrices(design)["c1"]
    (given,) = (design.program.args_of(n)[0].type for n in design.program.nodes if n.name == "c1")
    reach = max(-w.low for w in given.lane_words()) * 8 * op.weights.shape[1]
    assert op.high == reach
    assert op.high > (np.abs(op.weights.array).sum(axis=1).max() * 4)
    narrow = dataflow.Dataflow(
        design.program.name,
        tuple(_narrowed(n) if n.name == "c1" else n for n in design.program.nodes),
        design.program.outputs,
        design.program.channels,
    )
    with pytest.raises(InvalidProgram, match="totals from"):
        dataflow.check(narrow)


def _narrowed(node: Any) -> Any:
    return replace(node, op=replace(node.op, high=node.op.high - 1))


def test_programs_that_can_be_written_are_text_that_parses_back(design: Any) -> None:
    assert graph.parse(graph.show(design.graph)) == design.graph
    assert dataflow.parse(dataflow.show(design.program)) == design.program


def test_registers_say_where_everything_lies(design: Any) -> None:
    record = design.registers()
    assert [r["name"] for r in record["registers"]] == ["magic", "map_version", "build", "frames"]
    assert record["registers"][0]["value"] == "0x42575254"
    names = [m["name"] for m in record["memories"]]
    assert names == [f"{layer}.{kind}" for layer in ("c1", "fc", "head") for kind in ("weights", "thresholds")]
    taken: list[tuple[int, int]] = []
    for memory in record["memories"]:
        assert memory["stride"] == 4 * next(n for n in (1, 2, 4, 8, 16) if 32 * n >= memory["bits"])
        taken.append((memory["offset"], memory["offset"] + memory["words"] * memory["stride"]))
    assert taken[0][0] >= 4096
    assert all(a[1] <= b[0] for a, b in pairwise(taken))
    assert taken[-1][1] <= 1 << record["address_bits"]
    first = record["memories"][0]
    assert (first["words"], first["bits"], first["stride"]) == (18, 16, 4)


def test_a_word_holds_units_by_lanes_lowest_first(design: Any) -> None:
    weights = np.arange(3 * 3 * 2 * 4).reshape(3, 3, 2, 4) % 16 - 8
    words = design.words_of("c1", weights)
    flat = weights.reshape(18, 4)
    for number, word in enumerate(words):
        block, fold = divmod(number, 9)
        for place in range(4):
            unit, lane = divmod(place, 2)
            code = word >> 4 * place & 15
            assert code == flat[2 * fold + lane, 2 * block + unit] & 15


def test_weights_outside_the_format_are_refused_by_layer(design: Any) -> None:
    weights = np.zeros((3, 3, 2, 4), dtype=np.int64)
    weights[0, 0, 0, 0] = 8
    with pytest.raises(BitwrightError, match=r"layer 'c1': 1 weights leave -8\.\.7|1 weights leave -8\.\.7"):
        design.words_of("c1", weights)
    with pytest.raises(InvalidValue, match=r"(?s)weights.*instead of.*"):
        design.words_of("c1", weights[..., :3])
    with pytest.raises(BitwrightError, match="in steps of 2"):
        design.words_of("fc", np.zeros_like(other_weights(design, 2)["fc"]))
    with pytest.raises(ConfigError, match="no layer 'c9'"):
        design.words_of("c9", weights)


def test_layers_without_a_memory_are_refused_by_name() -> None:
    made = bw.compile(make_model(1), device="xc7z020", folding={"fc": {"kernel": "unrolled"}}, writable=["fc"])
    with pytest.raises(Unsupported, match=r"layer 'fc': weights dissolved in logic"):
        made.estimate()
    with pytest.raises(ConfigError, match="did you mean fc"):
        bw.compile(make_model(1), writable=["fcc"])
    plain = bw.compile(make_model(1), device="xc7z020", clock_mhz=100, folding=FOLDING)
    with pytest.raises(Unsupported, match="no memory can be written"):
        plain.registers()


def test_the_option_takes_names_widths_and_true() -> None:
    assert declarations(True) == {"*": (None, None)}
    assert declarations(["a"]) == {"a": (None, None)}
    assert declarations({"a": 6, "b": "s4", "c": {"weights": 3, "bias": 9}}) == {
        "a": (6, None), "b": (4, None), "c": (3, 9),
    }  # fmt: skip
    with pytest.raises(ConfigError, match="signed format"):
        declarations({"a": "u4"})
    assert bw.Options.of({"writable": {"b", "a"}}).writable == ["a", "b"]
    assert bw.Options(writable=True).streams
    assert not bw.Options(writable=False).streams
    with pytest.raises(ConfigError, match="architecture 'parallel'"):
        bw.Options(writable=True, architecture="parallel")
