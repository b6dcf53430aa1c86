"""Cells of a layout by the layer of the model that they compute."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from bitwright.core.naming import identifier
from bitwright.flow.compiled import Compiled
from bitwright.flow.streamed import StreamDesign
from bitwright.toolchain.timing import Step

__all__ = ["LayerTimes", "layer_of", "layer_times"]

LayerTimes = tuple[tuple[str, float], ...]
_LINK, _RESET, _OTHER = "host link", "reset", "network"


def layer_times(design: Compiled, path: Sequence[Step]) -> LayerTimes:
    """The delays of a path added up by layer, in its order; a wire counts to the layer where it ends."""
    named = layer_of(design)
    found: list[tuple[str, float]] = []
    for step in path:
        layer = named(step.cell)
        if found and found[-1][0] == layer:
            found[-1] = (layer, found[-1][1] + step.delay_ns)
        else:
            found.append((layer, step.delay_ns))
    return tuple(found)


def layer_of(design: Compiled) -> Callable[[str], str]:
    """A function from the name of a cell in a board's layout to the layer; what is no layer is "network" or the link.

    yosys names cells by the path of instances and the net that they drive: `network.u_pipeline.u_fc1.fc1_w3_LUT4_Z`.
    """
    layers = {identifier(node.origin.layer): node.origin.layer for node in design.graph.nodes if node.origin.layer}
    if isinstance(design, StreamDesign):
        layers |= {identifier(n.name): n.origin.layer for n in design.program.nodes if n.origin.layer}
    # The longest name first: fc10 must not be taken for fc1.
    ordered = sorted(layers, key=len, reverse=True)

    def named(cell: str) -> str:
        head, _, rest = cell.partition(".")
        if head != "network":
            return _LINK if head.startswith("u_link") else _RESET if head.startswith("u_reset") else _OTHER
        for part in rest.split("."):
            word = part.removeprefix("u_")
            for name in ordered:
                if re.match(rf"{re.escape(name)}(?![A-Za-z0-9])", word):
                    return layers[name]
        return _OTHER

    return named
