"""A model as a graph of layers with types on its edges, as QKeras programs walk it.

Source: google/qkeras, qtools/qgraph.py, which uses networkx; this graph has the accessors it needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bitwright.cost.qtools import Settings
from bitwright.cost.qtools.mapping import sources_of
from bitwright.flow.qtools.quantizers import IQuantizer, from_operand
from bitwright.frontends.keras.facts import network_of
from bitwright.frontends.keras.sources import sources
from bitwright.ir.layers import Input, Network, Operand

__all__ = ["SINK", "SOURCE", "LayerGraph", "create_graph", "generate_graph", "propagate"]

SOURCE, SINK = -1, -2
"""The nodes before all inputs and behind all outputs."""


@dataclass
class LayerGraph:
    """Nodes by number: {"layer": [layer], "type": [class name], "out_quantizer": type or None}.

    edges: (from, to) to {"shape", "quantizer"}.
    """

    model: Any
    network: Network
    sources: tuple[Operand, ...]
    nodes: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    edges: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict[tuple[int, int], dict[str, Any]])

    def predecessors(self, node: int) -> Iterator[int]:
        """The nodes that a node reads."""
        return (start for start, end in self.edges if end == node)

    def successors(self, node: int) -> Iterator[int]:
        """The nodes that read a node."""
        return (end for start, end in self.edges if start == node)

    def in_edges(self, node: int) -> list[tuple[int, int]]:
        """The edges into a node."""
        return [edge for edge in self.edges if edge[1] == node]

    def out_edges(self, node: int) -> list[tuple[int, int]]:
        """The edges out of a node."""
        return [edge for edge in self.edges if edge[0] == node]

    def __getitem__(self, node: int) -> dict[int, dict[str, Any]]:
        return {end: data for (start, end), data in self.edges.items() if start == node}


def create_graph(
    model: Any,
    input_quantizers: Any = None,
    default_source_quantizer: Any = "quantized_bits(8,0,1)",
    debug: bool = False,
) -> tuple[LayerGraph, list[IQuantizer]]:
    """The graph of a model, and the types of its inputs.

    Raises WrongInputs unless there is one type for all inputs, or one for each.
    """
    told = sources(default_source_quantizer if input_quantizers is None else input_quantizers)
    network = network_of(model)
    found = sources_of(network, Settings(sources=told))
    graph = LayerGraph(model, network, found)
    _fill(graph)
    return graph, [from_operand(operand) for operand in found]


def generate_graph(model: Any, input_quantizers: Any, default_source_quantizer: Any) -> LayerGraph:
    """The graph alone; see `create_graph`."""
    return create_graph(model, input_quantizers, default_source_quantizer)[0]


def _fill(graph: LayerGraph) -> None:
    numbers = {layer.name: number for number, layer in enumerate(graph.network.layers)}
    for end in (SOURCE, SINK):
        graph.nodes[end] = {"layer": [None], "type": [None], "out_quantizer": None}
    held = {layer.name: layer for layer in graph.model.layers}
    entering = dict(zip((layer.name for layer in graph.network.sources), graph.sources, strict=True))
    for layer in graph.network.layers:
        number = numbers[layer.name]
        output = entering.get(layer.name, layer.output)
        graph.nodes[number] = {
            "layer": [held.get(layer.name)],
            "type": [layer.class_name],
            "out_quantizer": None if output is None else from_operand(output),
        }
        if isinstance(layer, Input):
            graph.edges[SOURCE, number] = {"shape": layer.output_shape, "quantizer": from_operand(entering[layer.name])}
        for name, shape in zip(layer.inputs, layer.input_shapes, strict=True):
            graph.edges[numbers[name], number] = {"shape": shape, "quantizer": None}
        if layer.name in graph.network.outputs:
            graph.edges[number, SINK] = {"shape": layer.output_shape, "quantizer": None}


def propagate(graph: LayerGraph, debug: bool = False) -> None:
    """Write every node's type on the edges that leave it; shapes and the like hand on what they get."""
    for start, end in sorted(edge for edge in graph.edges if edge[0] != SOURCE):
        made = graph.nodes[start]["out_quantizer"]
        if made is None and graph.network.layers[start].class_name in ("Flatten", "Reshape", "MaxPooling2D"):
            made = next((graph.edges[edge]["quantizer"] for edge in graph.in_edges(start)), None)
        graph.edges[start, end]["quantizer"] = made
