"""Graphs of shapes: what they were made from is read off them again."""

from __future__ import annotations

from benchmarks._shaped import shaped_graph

from bitwright.passes.engine.shapes import Kind, LayerShape, point, shapes_of
from bitwright.passes.streaming.view import View

LAYERS = [
    LayerShape("x", Kind.INPUT, (), point((12, 12, 3)), 3, 8),
    LayerShape("wide", Kind.LINEAR, (0,), View((12, 12, 3), (4, 4), (2, 2), ((1, 1), (1, 1)), (1, 1)), 8, 2, 8),
    LayerShape("grouped", Kind.LINEAR, (1,), View((6, 6, 8), (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1)), 8, 2, 1, 2),
    LayerShape("pool", Kind.POOL, (2,), View((6, 6, 8), (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1)), 8, 2),
    LayerShape("dense", Kind.LINEAR, (3,), point((3, 3, 8), (3, 3)), 10, 24, 8),
]


def test_a_graph_of_shapes_has_these_shapes() -> None:
    found = shapes_of(shaped_graph("chain", LAYERS))
    plain = [(n.kind, n.channels, n.groups, n.weights, n.view.out) for n in LAYERS]
    assert [(n.kind, n.channels, n.groups, n.weights, n.view.out) for n in found] == plain
    assert [n.weight_bits for n in found] == [n.weight_bits for n in LAYERS]
    assert [n.bits for n in found[1:-1]] == [n.bits for n in LAYERS[1:-1]]


def test_weights_are_the_seed_s() -> None:
    one, same, other = (shaped_graph("chain", LAYERS, seed) for seed in (1, 1, 2))
    assert one == same
    assert one != other
