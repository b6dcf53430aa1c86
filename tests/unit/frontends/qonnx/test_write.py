"""What graphs become as ONNX: which form a function takes, how quantizers are told, and what is refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from tests.onnx_models import model, onnx, parsed, quant

from bitwright.core.errors import Inexact, InvalidValue, Unsupported
from bitwright.frontends.qonnx import Executor, parse_model, read_model
from bitwright.frontends.qonnx.write import Dialect, model_of
from bitwright.frontends.qonnx.write.writer import write as table
from bitwright.ir.graph import Graph, GraphBuilder, TensorType, ops, run
from bitwright.ir.graph.ops import Conv, Dense, GraphOp, Map, Reshape, SumPool
from bitwright.ir.interface import Decoder, Head, LevelEncoder, RoundEncoder
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Steps, Table, Thresholds

BOTH = pytest.mark.parametrize("dialect", list(Dialect))


def graph_of(
    *ops: tuple[GraphOp, Any], shape: tuple[int, ...] = (4,), low: int = -8, high: int = 7, step: Any = 1
) -> Graph:
    """One operator behind the other, each with its step."""
    builder = GraphBuilder()
    at = builder.input(TensorType(shape, Ints(low), Ints(high), Steps.of(step)), "x")
    for op, told in ops:
        at = builder.apply(op, [at], step=None if told is None else Steps.of(told), name=type(op).__name__.lower())
    return builder.graph("net", [at])


def written(graph: Graph, dialect: Dialect, **doors: Any) -> list[str]:
    """The kinds of the nodes behind the input's quantizer; the file computes what the graph does on all codes."""
    proto = model_of(graph, dialect, **doors)
    (entry,) = graph.inputs
    low, high = (int(a.min()) for a in (entry.type.low.array, entry.type.high.array))
    size = int(np.prod(entry.type.shape, dtype=int))
    codes = np.random.default_rng(0).integers(low, high + 1, (200, *entry.type.shape))
    codes.reshape(200, size)[: high - low + 1] = np.arange(low, high + 1)[:200, None]
    x = (codes * entry.type.step.floats()).astype(np.float32)
    (found,) = Executor(parse_model(proto.SerializeToString()))([x])
    if not doors:
        assert np.array_equal(found, (run(graph, [codes])[0] * graph.results[0].type.step.floats()).astype(np.float32))
    return [n.op_type for n in proto.graph.node if n.name.startswith(("map", "dense", "conv", "sumpool", "reshape"))]


def rounded(rounding: Rounding, shift: int = 2, low: int = -2, high: int = 1, mul: int = 1, add: int = 0) -> Map:
    one = [Ints([v]) for v in (mul, add, shift)]
    return Map(ShiftRoundSaturate(one[0], one[1], one[2], rounding, Ints([low]), Ints([high])), Ints(0))


@pytest.mark.parametrize("rounding", list(Rounding))
@BOTH
def test_every_rounding_is_written_exactly(rounding: Rounding, dialect: Dialect) -> None:
    graph = graph_of((rounded(rounding, add=1), 4), low=-40, high=40)
    made = written(graph, dialect)
    assert ("Quant" in made) == (dialect is Dialect.QONNX)


@BOTH
def test_a_quantizer_of_the_same_values_is_one_node_or_pair(dialect: Dialect) -> None:
    made = written(graph_of((rounded(Rounding.HALF_EVEN), 4), low=-40, high=40), dialect)
    assert made == (["Quant"] if dialect is Dialect.QONNX else ["Clip", "QuantizeLinear", "DequantizeLinear"])


@BOTH
def test_thresholds_that_are_plain_rounding_are_a_quantizer(dialect: Dialect) -> None:
    form = Thresholds(Ints([[3, 5, 11]]), Ints([[0, 1, 2, 3]]))  # half-even of x / 4 would change at 3, 6, 11
    floor = Thresholds(Ints([[4, 8, 12]]), Ints([[0, 1, 2, 3]]))
    made = [written(graph_of((Map(f, Ints(0)), 4), low=0, high=15), dialect) for f in (form, floor)]
    assert ("MultiThreshold" in made[0]) == (dialect is Dialect.QONNX)
    assert not {"MultiThreshold", "Gather"} & set(made[1])


def test_functions_that_rise_or_fall_by_channel_are_thresholds() -> None:
    form = Thresholds(Ints([[-3, 2], [-1, 5]]), Ints([[0, 1, 3], [2, 0, -1]]))
    made = written(graph_of((Map(form, Ints([0, 1])), Fraction(1, 4)), shape=(2,)), Dialect.QONNX)
    assert made.count("MultiThreshold") == 1


@BOTH
def test_a_table_is_a_look_up(dialect: Dialect) -> None:
    form = Table(Ints([-8]), Ints([[3, -1, 4, -1, 5, -9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3]]))
    assert "Gather" in written(graph_of((Map(form, Ints(0)), Fraction(1, 2))), dialect)


def test_few_thresholds_over_many_codes_are_a_look_up_in_a_window() -> None:
    form = Thresholds(Ints([[-70000, -69990]]), Ints([[1, -1, 4]]))
    made = written(graph_of((Map(form, Ints(0)), 1), low=-(1 << 20), high=1 << 20), Dialect.QDQ)
    assert made[:2] == ["Clip", "Sub"]


TABLED = Table(Ints([-40]), Ints([np.random.default_rng(1).integers(-9, 10, 81).tolist()]))


@pytest.mark.parametrize("function", [Map(TABLED, Ints(0)), rounded(Rounding.HALF_UP)], ids=["table", "rounding"])
@BOTH
def test_a_function_behind_a_sum_without_a_bias_does_not_give_it_one(dialect: Dialect, function: Map) -> None:
    matrix = Dense(Ints([[1, -2], [1, 1], [2, 1], [1, 1]]), Ints([0, 0]))
    proto = model_of(graph_of((matrix, 1), (function, 4)), dialect)
    reading, _ = read_model(parse_model(proto.SerializeToString()))
    assert [n.op for n in reading.graph if isinstance(n.op, Dense)] == [matrix]


@BOTH
def test_averages_of_a_power_of_two_are_means_and_others_are_sums(dialect: Dialect) -> None:
    made = [
        written(graph_of((SumPool((k, 1), (k, 1), ((0, 0), (0, 0))), None), shape=(6, 1, 2)), dialect) for k in (2, 3)
    ]
    assert "AveragePool" in made[0]
    assert "Conv" in made[1]


def test_convolutions_lie_channels_first_without_transposes_between_them() -> None:
    kernel = Conv(Ints(np.ones((1, 1, 2, 2), int)), Ints([1, -2]), (1, 1), ((0, 0), (0, 0)), (1, 1))
    steps = [(kernel, 1), (rounded(Rounding.FLOOR), 1), (kernel, 1), (Reshape((18,)), None)]
    made = written(graph_of(*steps, shape=(3, 3, 2)), Dialect.QONNX)
    assert made.count("Transpose") == 2


def test_weights_are_integers_of_the_type_that_holds_them() -> None:
    proto = model_of(graph_of((Dense(Ints(np.full((4, 2), 300)), Ints([1, 2])), [1, 2])), "qdq")
    kinds = {t.name: t.data_type for t in proto.graph.initializer}
    assert kinds["dense/weights"] == onnx.TensorProto.INT16
    assert kinds["dense/bias"] == onnx.TensorProto.INT32
    assert proto.opset_import[0].version == 21


@BOTH
def test_sums_that_float32_does_not_hold_are_refused(dialect: Dialect) -> None:
    with pytest.raises(Inexact, match=r"layer 'dense'.*2\*\*26") as caught:
        model_of(graph_of((Dense(Ints(np.full((4, 2), 1 << 20)), Ints([0, 0])), 1)), dialect)
    assert "fewer bits" in caught.value.remedy


def test_a_dialect_that_nobody_knows_is_refused() -> None:
    with pytest.raises(InvalidValue, match="dialect='tflite'"):
        model_of(graph_of(), "tflite")


@BOTH
def test_pixels_are_encoded_in_float64(dialect: Dialect) -> None:
    """round(x * 255) as the encoder computes it, on every float32 near a tie."""
    encoder = RoundEncoder(0, Fraction(1, 255), 0, 255)
    decoder, copied = Decoder(Steps.of(Fraction(1, 255))), Dense(Ints(np.eye(4, dtype=int)), Ints(np.zeros(4, int)))
    graph = graph_of((copied, Fraction(1, 255)), low=0, high=255, step=Fraction(1, 255))
    record = parse_model(model_of(graph, dialect, [encoder], [decoder]).SerializeToString())
    ties = ((np.arange(256) + 0.5) / 255).astype(np.float32)
    x = np.concatenate([np.nextafter(ties, np.float32(d)) for d in (-1, 2)] + [ties, -ties, 9 * ties]).reshape(-1, 4)
    (found,) = Executor(record)([x])
    assert np.array_equal(found, decoder(encoder(x)))


def test_levels_of_floats_are_thresholds_or_refused() -> None:
    encoder = LevelEncoder(0, np.array([[0.1, 0.7, 0.9]], np.float32), np.array([-1]), np.array([1]))
    graph = graph_of((rounded(Rounding.FLOOR, 0, -9, 9), 1), low=-1, high=2, step=0.25)
    record = parse_model(model_of(graph, "qonnx", [encoder]).SerializeToString())
    x = np.array([[0.05, 0.1, 0.7, 5]], np.float32)
    assert Executor(record)([x])[0].tolist() == [[-1, 0, 1, 2]]
    with pytest.raises(Unsupported, match="no plain rounding"):
        model_of(graph, "qdq", [encoder])


@pytest.mark.parametrize("scale", [0.3, 1 / 255])
def test_levels_that_are_those_of_a_scale_are_onnxs_own_quantizer(scale: float) -> None:
    constants = {"s": np.float32(scale), "b": np.float32(4)}
    reading, truth = read_model(parsed(model([quant("x", "y", "s", "b")], {"x": (1, 4)}, constants=constants)))
    proto = model_of(reading.graph, "qdq", reading.encoders, reading.decoders)
    assert isinstance(reading.encoders[0], LevelEncoder)
    assert "QuantizeLinear" in {n.op_type for n in proto.graph.node}
    near = ((np.arange(-9, 9) - 0.5) * np.float32(scale)).astype(np.float32)
    x = np.concatenate([near, *(np.nextafter(near, np.float32(d)) for d in (-9, 9))])[:52].reshape(-1, 4)
    assert np.array_equal(Executor(parse_model(proto.SerializeToString()))([x])[0], truth.logits([x])[0])


def test_a_sign_at_the_input_is_a_comparison() -> None:
    encoder = LevelEncoder(0, np.array([[0.0]], np.float32), np.array([-1]), np.array([2]))
    record = parse_model(model_of(graph_of(low=-1, high=1), "qdq", [encoder]).SerializeToString())
    assert Executor(record)([np.array([[-0.1, 0, 3, -9]], np.float32)])[0].tolist() == [[-1, 1, 1, -1]]


@pytest.mark.parametrize("head", list(Head))
def test_heads_follow_the_integers(head: Head) -> None:
    decoder = Decoder(Steps.of(Fraction(1, 4)), head)
    graph = graph_of(step=Fraction(1, 4))
    record = parse_model(model_of(graph, "qdq", (), [decoder]).SerializeToString())
    codes = np.array([[-8, 0, 3, 7]])
    assert np.allclose(Executor(record)([codes / np.float32(4)])[0], decoder(codes), atol=1e-6)


def test_every_operator_of_the_graph_has_a_form() -> None:
    kinds = [getattr(ops, name) for name in ops.__all__ if name not in ("GraphOp", "Input", "Writable")]
    assert not [k for k in kinds if k not in table]
