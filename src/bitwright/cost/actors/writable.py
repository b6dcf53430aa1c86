"""What memories take that can be written at run time, and the AXI4-Lite slave in front of them."""

from __future__ import annotations

from math import ceil

from bitwright.cost.actors.logic import counter, register
from bitwright.cost.actors.memories import bits_for, ram_area
from bitwright.cost.area import Area
from bitwright.ir.dataflow import Dataflow
from bitwright.ir.dataflow.infer import stored_range
from bitwright.ir.dataflow.ops import MatVec, Memory
from bitwright.ir.netlist import Netlist

__all__ = ["constants_area", "control_area", "store_area", "weights_area"]

_SLAVE = Area(61, 103, carries=8)
"""`bw_axi_lite`: two handshakes, identification, a count of frames; beside its places."""
_PLACE_LUTS, _PLACE_FFS = 0.4, 2
"""A bit of a place of the slave."""
_LOAD_LUTS = 7
"""Whether a place is a memory's."""


def weights_area(op: MatVec, lanes: int) -> Area:
    """The memory of weights that can be written."""
    words, width = op.weights.array.size // (lanes * op.units), lanes * op.units * stored_range(op).width
    return store_area(width, words, op.memory)


def constants_area(op: MatVec) -> Area:
    """The memory of the numbers that the tail meets, and the number of the word."""
    if op.constants is None:
        return Area()
    words = op.constants.shape[0]
    return store_area(_port_bits(op.tail, "c"), words, Memory.LUT) + counter(words)


def store_area(width: int, words: int, kind: Memory) -> Area:
    """`bw_store`: `words` of `width` bits that can be written."""
    if words == 1:
        return register(width)
    return ram_area(width, words, kind) + register(width if kind is Memory.LUT else 0)


def _port_bits(netlist: Netlist | None, name: str) -> int:
    ports = netlist.inputs if netlist is not None else ()
    return sum(netlist.nodes[w].type.width for p in ports if p.name == name for w in p.words) if netlist else 0


def control_area(program: Dataflow) -> Area:
    """The slave, and what gathers the words of each memory; nothing where no memory can be written."""
    found, reach = Area(), 4096
    for node in program.nodes:
        op = node.op
        if not isinstance(op, MatVec) or op.stored is None:
            continue
        lanes = program.args_of(node)[0].type.lanes
        width, words = lanes * op.units * stored_range(op).width, op.weights.array.size // (lanes * op.units)
        sizes = [(width, words)]
        if op.constants is not None:
            sizes.append((_port_bits(op.tail, "c"), op.constants.shape[0]))
        for bits, count in sizes:
            found += _loader(bits, count)
            reach += max(4096, (4 << (ceil(bits / 32) - 1).bit_length()) << (count - 1).bit_length())
    if not found.ffs:
        return Area()
    places = max(reach.bit_length(), 16) - 2
    return found + _SLAVE + Area(_PLACE_LUTS * places, _PLACE_FFS * places)


def _loader(bits: int, words: int) -> Area:
    """`bw_load`: a word's parts wait in registers."""
    parts = ceil(bits / 32)
    place = 0 if words == 1 else bits_for(words)
    return Area(_LOAD_LUTS + parts, bits + 32 * (parts - 1) + place + 1)
