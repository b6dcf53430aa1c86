"""Small parts of actors: counters, flags, kernels. `benchmarks.calibrate_actors` fits the constants to yosys 0.23."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from bitwright.cost.actors.memories import bits_for
from bitwright.cost.area import Area, tree
from bitwright.cost.neighbors import area_of
from bitwright.ir.netlist import Netlist
from bitwright.ir.netlist.ops import AtLeast, Clip, Multiply, Mux, Register, Table
from bitwright.platforms import Fabric

__all__ = ["STEP_LUTS", "adder", "counter", "kernel_area", "register"]

STEP_LUTS = 3.0
"""Whether a step can be taken, and its flags: the handshake of an actor."""


def register(bits: float) -> Area:
    """So many flip-flops."""
    return Area(ffs=bits)


def adder(bits: int, luts: float = 1.0) -> Area:
    """A carry chain, `luts` a bit."""
    return Area(luts * bits, carries=ceil(bits / 4) if bits > 2 else 0)


def counter(rounds: int) -> Area:
    """`bw_count`: numbers modulo `rounds`: a LUT a bit and one that knows the last number."""
    if rounds < 2:
        return Area()
    bits = bits_for(rounds)
    carries = ceil(bits / 4) if bits > 2 else 0
    if rounds & (rounds - 1) == 0:
        return Area(1 if bits <= 2 else 0, bits, carries)
    return Area(bits if bits <= 5 else bits + ceil(bits / 5), bits, carries)


_MELTING = 2
"""Address bits of a table that a comparison takes in."""
_PARTLY = 0.6
"""LUTs left a bit of such a table with one address bit more."""
_FOUND = 1.6
"""LUTs that yosys takes for a bit of a product with a looked-up number where one would do."""


def kernel_area(netlist: Netlist | None, fabric: Fabric) -> Area:
    """A kernel's words, its registers included, less what neighbors in it take over."""
    if netlist is None:
        return Area()
    found = area_of(netlist, fabric)
    for position, luts in _taken_over(netlist, fabric).items():
        found[position] = replace(found[position], luts=min(luts, found[position].luts), dsps=0.0)
    return Area.total(found)


def _taken_over(netlist: Netlist, fabric: Fabric) -> dict[int, float]:
    """LUTs of words that are cheaper where they stand than alone.

    A table of few address bits melts into the product or comparison that alone reads it. A saturation to all ones that
    only registers read sets them. Choices between single bits share LUTs.
    """
    readers = netlist.consumers()
    for output in netlist.outputs:
        readers[output].append(-1)
    found: dict[int, float] = {}
    chosen: dict[int, dict[int, int]] = {}
    for position, node in enumerate(netlist.nodes):
        args = [netlist.nodes[a].type for a in node.args]
        if isinstance(node.op, Multiply | AtLeast):
            found |= _with_table(netlist, position, readers, fabric)
        elif isinstance(node.op, Clip) and args[0].low >= 0 and node.op.high & (node.op.high + 1) == 0:
            if all(r >= 0 and isinstance(netlist.nodes[r].op, Register) for r in readers[position]):
                found[position] = tree(args[0].width - node.type.width, fabric)
        elif isinstance(node.op, Mux) and node.type.width == 1 and max(a.width for a in args) == 1:
            found[position] = 1 / 3
        elif isinstance(node.op, Table):
            chosen[position] = {node.args[0]: args[0].width}
        elif isinstance(node.op, Mux):
            found |= dict.fromkeys(_chosen_once(netlist, position, readers, fabric, chosen), 0.0)
    return found


def _chosen_once(
    netlist: Netlist, position: int, readers: list[list[int]], fabric: Fabric, chosen: dict[int, dict[int, int]]
) -> list[int]:
    """Choices and small tables that the LUTs of the choice at `position` take in, as long as these have inputs left.

    What nobody else reads, or what is a function of so few bits that every choice which reads it takes it in.
    `chosen`: what a LUT of each choice or table reads so far: words, and how many bits of each.
    """
    args = netlist.nodes[position].args
    found: list[int] = []
    inputs = dict.fromkeys(args, 1)
    for a in args[1:]:
        own = chosen.get(a, {})
        more = {word: bits for word, bits in inputs.items() if word != a} | own
        alone = readers[a] == [position]
        common = sum(own.values()) <= _MELTING + 1 and all(
            r >= 0 and isinstance(netlist.nodes[r].op, Mux) for r in readers[a]
        )
        if own and (alone or common) and sum(more.values()) <= fabric.lut_inputs:
            inputs = more
            found.append(a)
    chosen[position] = inputs
    return found


def _with_table(netlist: Netlist, position: int, readers: list[list[int]], fabric: Fabric) -> dict[int, float]:
    """A product or comparison with a number that is looked up: together a function of few bits."""
    node = netlist.nodes[position]
    for port, a in enumerate(node.args):
        table = netlist.nodes[a]
        if not isinstance(table.op, Table) or len(readers[a]) != 1:
            continue
        address = netlist.nodes[table.args[0]].type.width
        other = netlist.nodes[node.args[1 - port]].type.width
        if isinstance(node.op, AtLeast) and address <= _MELTING:
            return {position: float(other), a: 0.0}
        if isinstance(node.op, AtLeast) and address == _MELTING + 1:
            return {a: _PARTLY * other}
        if isinstance(node.op, Multiply) and address + other <= fabric.lut_inputs + 1:
            luts = _FOUND * node.type.width * 2.0 ** max(address + other - fabric.lut_inputs, 0)
            return {position: luts, a: 0.0}
    return {}
