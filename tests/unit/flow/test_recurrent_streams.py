"""Recurrent Keras layers, attention and the zoo's taggers as streams: the graph's codes, in the cycles computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl

import bitwright as bw
from bitwright.ir import dataflow
from bitwright.ir import graph as graphs
from bitwright.ir.dataflow.ops import Cell, Inner
from bitwright.ir.graph import Scan
from bitwright.train import layers as ql

pytestmark = pytest.mark.long


def cell(kind: Any, **told: Any) -> Any:
    """A quantized layer of three units."""
    gates = {} if kind is ql.QSimpleRNN else {"recurrent_activation": bw.quantized_sigmoid(4)}
    return kind(
        3, activation=bw.quantized_tanh(4), kernel_quantizer=bw.quantized_bits(4, 1, alpha=1),
        recurrent_quantizer=bw.quantized_bits(4, 1, alpha=1), bias_quantizer=bw.quantized_bits(5, 1, alpha=1),
        state_quantizer=bw.quantized_bits(5, 1, alpha=1), **gates, **told,
    )  # fmt: skip


def network(*layers: Any) -> Any:
    keras.utils.set_random_seed(0)
    x = given = kl.Input((5, 4))
    x = bw.QActivation(bw.quantized_bits(5, 1, alpha=1))(x)
    for layer in layers:
        x = layer(x)
    return keras.Model(given, x)


LAYERS: dict[str, tuple[Callable[[], list[Any]], int]] = {
    "simple": (lambda: [cell(ql.QSimpleRNN)], 1),
    "simple sequences": (lambda: [cell(ql.QSimpleRNN, return_sequences=True)], 1),
    "lstm": (lambda: [cell(ql.QLSTM)], 1),
    "lstm backwards": (lambda: [cell(ql.QLSTM, return_sequences=True, go_backwards=True)], 1),
    "lstm states": (lambda: [cell(ql.QLSTM, return_state=True)], 1),
    "gru": (lambda: [cell(ql.QGRU, reset_after=True)], 1),
    "gru before": (lambda: [cell(ql.QGRU, reset_after=False)], 1),
    "stacked": (lambda: [cell(ql.QSimpleRNN, return_sequences=True), cell(ql.QLSTM)], 2),
    "both ways": (lambda: [ql.QBidirectional(cell(ql.QSimpleRNN, return_sequences=True))], 2),
}


@pytest.mark.parametrize("name", LAYERS)
def test_recurrent_layers_are_cells(name: str) -> None:
    make, count = LAYERS[name]
    design = bw.compile(network(*make()), architecture="dataflow", device="xc7z020", clock_mhz=100)
    assert sum(isinstance(n.op, Scan) for n in design.streamed.nodes) == count
    codes = [np.random.default_rng(1).integers(-16, 16, (12, 5, 4))]
    wanted, found = graphs.run(design.graph, codes), dataflow.run(design.program, codes)
    assert all(np.array_equal(a, b.reshape(a.shape)) for a, b in zip(wanted, found, strict=True))


@pytest.mark.tool("verilator")
@pytest.mark.parametrize(
    ("name", "pace"), [("lstm", None), ("lstm", 4000), ("gru", 4000)], ids=["lstm", "lstm folded", "gru folded"]
)
def test_the_zoos_taggers_are_verified_to_the_cycle(name: str, pace: int | None) -> None:
    model = bw.zoo.build(name)
    told = {} if pace is None else {"initiation_cycles": pace}
    design = bw.compile(model, architecture="dataflow", device="xczu7ev", clock_mhz=150, **told)
    assert sum(isinstance(n.op, Scan) for n in design.streamed.nodes) == 1
    certificate = design.verify()
    assert any(c.after == "RTL (random pauses)" for c in certificate.comparisons)
    assert all(c.differences == 0 for c in certificate.comparisons)


@pytest.mark.tool("verilator")
@pytest.mark.parametrize("sequences", [False, True])
def test_a_gru_that_resets_before_the_product_is_folded_to_the_cycle(sequences: bool) -> None:
    model = network(cell(ql.QGRU, reset_after=False, return_sequences=sequences))
    layer = model.layers[-1].name
    told = {layer: {"SIMD": 1, "PE": 3, "kernel": "folded"}}
    design = bw.compile(model, architecture="dataflow", device="xc7z020", clock_mhz=150, folding=told)
    assert next(n.op for n in design.program.nodes if isinstance(n.op, Cell)).rows == 10, "every row twice"
    assert all(c.differences == 0 for c in design.verify().comparisons)


@pytest.mark.tool("verilator")
def test_attention_with_its_softmax_is_verified_to_the_cycle() -> None:
    keras.utils.set_random_seed(0)
    few = {f"{n}_quantizer": bw.quantized_bits(5, 1, alpha=1) for n in ("query", "key", "value", "context")}
    x = keras.Input((4, 6))
    y = bw.QActivation(bw.quantized_bits(5, 1, alpha=1))(x)
    y = bw.QMultiHeadAttention(
        2, 3, weight_quantizer="quantized_relu(5,0)", kernel_quantizer=bw.quantized_bits(4, 0, alpha=1),
        bias_quantizer=bw.quantized_bits(4, 0, alpha=1), **few,
    )(y, y)  # fmt: skip
    model = keras.Model(x, bw.QActivation(bw.quantized_bits(6, 2, alpha=1))(y))
    design = bw.compile(model, architecture="dataflow", device="xczu7ev", clock_mhz=100, initiation_cycles=400)
    assert sum(isinstance(n.op, Inner) for n in design.program.nodes) == 2
    assert all(c.differences == 0 for c in design.verify().comparisons)
