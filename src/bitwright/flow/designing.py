"""From a graph to a design: the architecture is chosen where none is named."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bitwright.flow.design import Design
from bitwright.flow.engines import EngineDesign
from bitwright.flow.importing import Built
from bitwright.flow.mixing import MixedDesign, choose
from bitwright.flow.options import Options
from bitwright.flow.streamed import StreamDesign
from bitwright.ir.graph import Graph
from bitwright.ir.interface import Decoder

if TYPE_CHECKING:
    from bitwright.explore import Plan
    from bitwright.numeric import Steps

__all__ = ["designed", "planned"]


def designed(built: Built, options: Options) -> Any:
    """The stage "explore": the design, its architecture chosen where none is named."""

    def streamed() -> Graph:
        return _made(built, replace(options, architecture="dataflow"), StreamDesign).streamed

    return planned(built, *choose(built.graph, options, streamed))


def planned(built: Built, options: Options, plan: Plan | None) -> Any:
    """The design of these options, with what is known of it from choosing its architecture."""
    design = _made(built, options, _KINDS[options.architecture])
    if plan is not None and isinstance(design, MixedDesign):
        design.plan = plan
    elif plan is not None and isinstance(design, StreamDesign):
        design.foldings = plan.foldings
    return design


_KINDS: dict[str, type[Any]] = {
    "parallel": Design, "dataflow": StreamDesign, "engine": EngineDesign, "mixed": MixedDesign,
}  # fmt: skip


def _made(built: Built, options: Options, kind: type[Any]) -> Any:
    reading, graph = built.read.reading, built.graph
    return kind(
        name=reading.graph.name,
        options=options,
        source=reading.graph,
        graph=graph,
        encoders=reading.encoders,
        decoders=tuple(_decoder(n.type.step, d, options) for n, d in zip(graph.results, reading.decoders, strict=True)),
        findings=reading.findings,
        kinds=reading.kinds,
        model=built.read.truth,
        origin=built.read.origin,
    )


def _decoder(step: Steps, found: Decoder, options: Options) -> Decoder:
    """The decoder of an output as built; scores that keep the order alone have no table of values."""
    return Decoder(step, found.head) if options.argmax_only else replace(found, step=step)
