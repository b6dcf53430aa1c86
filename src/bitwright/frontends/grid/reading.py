"""`Reading`: what a frontend makes of a model."""

from __future__ import annotations

from dataclasses import dataclass

from bitwright.frontends.grid.walk import Finding
from bitwright.ir.graph import Graph
from bitwright.ir.interface import Decoder, Encoder

__all__ = ["Reading"]


@dataclass(frozen=True)
class Reading:
    """What a model says: the graph, the doors on both sides, and what is proven about each layer."""

    graph: Graph
    encoders: tuple[Encoder, ...]
    decoders: tuple[Decoder, ...]
    findings: tuple[Finding, ...]
    kinds: dict[str, str]
