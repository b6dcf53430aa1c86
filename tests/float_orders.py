"""Where the order of a float32 sum decides: the least and the largest outputs that any order may give.

A quantizer whose input lies on the border of two codes, up to the rounding of the sum before it, may yield either, and
what reads it then differs, too. Intervals carry both through the network, in float64.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bitwright.frontends.qonnx import Executor
from bitwright.frontends.qonnx import operators as o
from bitwright.frontends.qonnx.execute import Frame, apply_node
from bitwright.frontends.qonnx.model import Model, Node

ROUNDING = 2.0**-24
"""What a float32 operation may be off, relative to its result."""
ORDERS = 16
"""Roundings of the sum of all magnitudes that a sum of some hundred terms may be off; the proven bound is its terms."""

Span = tuple[np.ndarray, np.ndarray]


def _apply(node: Node, args: list[np.ndarray]) -> np.ndarray:
    return apply_node(node, args, Frame())[0]


def _conv(node: Node, span: Span, held: list[np.ndarray]) -> Span:
    weights, bias = held[0], held[1] if len(held) > 1 else np.zeros(len(held[0]))
    up, down = np.maximum(weights, 0), np.minimum(weights, 0)
    around = bias.reshape(-1, 1, 1)
    least = _apply(node, [span[0], up]) + _apply(node, [span[1], down]) + around
    most = _apply(node, [span[1], up]) + _apply(node, [span[0], down]) + around
    sizes = _apply(node, [np.maximum(*np.abs(span)), np.abs(weights)]) + np.abs(around)
    off = ORDERS * ROUNDING * sizes
    return least - off, most + off


def _normalized(node: Node, span: Span, held: list[np.ndarray]) -> Span:
    gamma, beta, mean, variance = (v.reshape(-1, 1, 1) for v in held)
    assert isinstance(node.op, o.BatchNormalization)
    factor = gamma / np.sqrt(variance + node.op.epsilon)
    ends = [(v - mean) * factor + beta for v in span]
    off = 6 * ROUNDING * ((np.maximum(*np.abs(span)) + np.abs(mean)) * np.abs(factor) + np.abs(beta))
    return np.minimum(*ends) - off, np.maximum(*ends) + off


def _rising(node: Node, span: Span, held: list[np.ndarray]) -> Span:
    """What keeps the order: relu, quantizers (which round to float32, divide and round again), shapes."""
    wider = (v + sign * 3 * ROUNDING * np.abs(v) for v, sign in zip(span, (-1, 1), strict=True))
    low, high = (_apply(node, [v, *held]) for v in wider)
    return low, high


RULES = {"Conv": _conv, "BatchNormalization": _normalized, "Relu": _rising, "Quant": _rising, "DepthToSpace": _rising}


def reach(model: Model, x: np.ndarray) -> Span:
    """(least, largest) outputs for inputs `x`, of a chain of the operators above."""
    executor = Executor(model)
    values: dict[str, Span] = {model.inputs[0].name: (x.astype(np.float64), x.astype(np.float64))}
    for node in model.nodes:
        if all(n in executor.constants for n in node.outputs):
            continue
        held = [executor.constants[n].astype(np.float64) for n in node.inputs[1:] if n]
        values[node.outputs[0]] = RULES[node.kind](node, values[node.inputs[0]], held)
    return values[model.outputs[0].name]


def cropped(model: Model, size: int) -> Model:
    """A network of convolutions for images of another size."""
    (port,) = model.inputs
    assert port.shape
    return replace(model, inputs=(replace(port, shape=(*port.shape[:2], size, size)),))


def unexplained(span: Span, found: np.ndarray) -> int:
    """How many of the outputs `found` no order of float32 sums gives; span: what `reach` told."""
    least, most = span
    slack = 1e-6 * np.abs(most).max()
    return int(((found < least - slack) | (found > most + slack)).sum())
