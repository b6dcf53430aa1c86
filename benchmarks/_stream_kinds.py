"""Networks of the kinds of actors that `_streams` leaves out.

Recurrent cells, products of two streams, ranking, shared multiplier blocks, several pixels at a time, layers in digits.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks._recurrent import attention, ranked, recurrent
from benchmarks._streams import Net, mlp
from bitwright.ir.dataflow import Dataflow
from bitwright.ir.dataflow.ops import Memory
from bitwright.ir.graph import Graph
from bitwright.ir.graph.ops import Dense
from bitwright.numeric import Ints
from bitwright.passes import apply
from bitwright.passes.buffer import Buffer
from bitwright.passes.streaming import Folding, Kernel, Place, Products, Recode, Roll
from bitwright.platforms import Device

__all__ = ["kinds"]


def pixels(name: str) -> Graph:
    """A convolution, a maximum and a sum over images of many columns."""
    net = Net(name, (6, 16, 2), 0, 15, seed=21)
    net.conv("c", 6, 4, pad=1).relu("r", 4).pool("p").conv("c2", 4, 3, pad=1).relu("r2", 4)
    return net.mean("mean").graph()


def serial(name: str) -> Graph:
    """Dense layers of eight bits whose inputs may come digit by digit."""
    net = Net(name, (16,), 0, 255, seed=22)
    for layer, units in (("d1", 12), ("d2", 10)):
        weights = Ints(net.draw.integers(-15, 16, (net.builder.type(net.at).size, units)))
        net.put(Dense(weights, Ints(net.draw.integers(-99, 100, units))), layer).relu(f"{layer}_act", 8)
    return net.graph()


def _plans() -> Iterator[tuple[Graph, dict[str, Folding]]]:
    f, block, blocks = Folding, Memory.BLOCK, Products.BLOCKS
    whole = Kernel.UNROLLED
    yield recurrent("lstm"), {"layer": f(2, 8), "d": f(3, 5)}
    yield recurrent("lstm", 5, 6, 8, sequences=True), {"layer": f(4, 16, weights=block), "d": f(4, 5)}
    yield recurrent("gru", 5, 4, 8), {"layer": f(2, 8), "d": f(2, 5)}
    yield recurrent("gru_before"), {"layer": f(3, 9), "d": f(2, 5)}
    yield recurrent("gru", 5, 3, 4), {"layer": f(3, 4, whole), "d": f(4, 5)}
    told = {name: f(lanes, units, products=blocks) for name, lanes, units in (("d1", 6, 4), ("d2", 8, 4), ("d3", 4, 2))}
    yield mlp("packed", 4, 4, 32), told
    yield mlp("packed_words", 8, 8, 32), {"d1": f(6, 2), "d2": f(4, 4), "d3": f(8, 2, weights=block)}
    told = {"x": f(4), "c": f(4, 12, whole), "p": f(12), "c2": f(6, 4, whole), "mean": f(4)}
    yield pixels("pixels"), told
    yield pixels("four_pixels"), {"x": f(8), "c": f(8, 24, whole), "p": f(24), "c2": f(12, 8, whole), "mean": f(4)}
    turns = {"x": f(16), "d1": f(16, 12, whole, digits=2), "d2": f(12, 10, whole, digits=4)}
    yield serial("serial"), turns
    yield ranked("top_k"), {"d": f(3, 4)}
    yield attention("attention"), {"q": f(4, 4), "k": f(4, 4), "v": f(4, 4)}


def kinds(device: Device, clock_mhz: float | None, quick: bool = False) -> Iterator[tuple[str, Dataflow]]:
    """Placed and buffered programs by name; the quick run takes the first."""
    for number, (graph, foldings) in enumerate(list(_plans())[: 1 if quick else None]):
        flat = Recode()(apply(Roll()(graph)))
        yield f"{graph.name}_{number}", Buffer()(Place(device, clock_mhz, foldings)(flat))
