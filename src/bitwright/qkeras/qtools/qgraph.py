"""QKeras's `qkeras.qtools.qgraph`: see `bitwright.flow.qtools`."""

# ruff: noqa: N812

from __future__ import annotations

from bitwright.cost.qtools import WrongInputs as WrongInputQuantizerError
from bitwright.flow.qtools.graph import SINK, SOURCE
from bitwright.flow.qtools.graph import create_graph as CreateGraph
from bitwright.flow.qtools.graph import generate_graph as GenerateGraphFromModel
from bitwright.flow.qtools.graph import propagate as GraphPropagateActivationsToEdges
from bitwright.flow.qtools.graph import propagate as PropagateActivationQuantizers

__all__ = [
    "SINK",
    "SOURCE",
    "CreateGraph",
    "GenerateGraphFromModel",
    "GraphPropagateActivationsToEdges",
    "PropagateActivationQuantizers",
    "WrongInputQuantizerError",
]
