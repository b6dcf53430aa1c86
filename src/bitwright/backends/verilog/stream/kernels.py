"""Kernels: the netlists that an actor holds, as modules of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bitwright.backends.verilog.emit import emit
from bitwright.backends.verilog.ports import PortBits
from bitwright.backends.verilog.tree import Expression, Instance, Ref
from bitwright.ir.netlist import Netlist, Word

__all__ = ["Kernel", "Workshop"]


@dataclass(frozen=True, slots=True)
class Kernel:
    """A netlist's module: its buses by the netlist's port names, and the clock cycles it takes."""

    module: str
    inputs: Mapping[str, PortBits]
    outputs: tuple[PortBits, ...]
    latency_cycles: int

    def port(self, name: str) -> tuple[Word, ...]:
        """The lanes of an input port."""
        return self.inputs[name].elements

    @property
    def words(self) -> list[Word]:
        """The lanes of the outputs, all ports in order."""
        return [word for port in self.outputs for word in port.elements]

    def instance(self, name: str, given: Mapping[str, Expression], results: Sequence[Expression]) -> Instance:
        """The module placed: an expression for each input port, a net (or part) for each output bus."""
        joined: list[tuple[str, Expression]] = [("clk", Ref("clk"))]
        joined += [(self.inputs[port].name, value) for port, value in given.items()]
        joined += [(port.name, net) for port, net in zip(self.outputs, results, strict=True)]
        return Instance(self.module, name, tuple(joined))


@dataclass
class Workshop:
    """Turns netlists into modules and keeps their files; no two modules get one name (letter case aside)."""

    header: str
    primitives: bool
    files: dict[str, str] = field(default_factory=dict[str, str])
    taken: set[str] = field(default_factory=set[str])

    def claim(self, name: str) -> str:
        """`name` for a module, with a number where it is taken."""
        count, told = 1, name
        while told.lower() in self.taken:
            count += 1
            told = f"{name}_{count}"
        self.taken.add(told.lower())
        return told

    def kernel(self, netlist: Netlist, name: str) -> Kernel:
        """The module of `netlist`, called `name` or with a number behind it."""
        count, told = 1, name
        while True:
            made = emit(netlist, name=told, header=self.header, primitives=self.primitives)
            own = {path: made.files[path] for path in made.sources if not _is_library(path)}
            names = {path.rpartition("/")[2].removesuffix(".v").lower() for path in own}
            if not names & self.taken:
                break
            count += 1
            told = f"{name}_{count}"
        self.taken |= names
        self.files |= {path: made.files[path] for path in made.sources}
        inputs = [p for p in made.ports if p.direction == "input"]
        outputs = tuple(p for p in made.ports if p.direction == "output")
        by_name = {port.name: bits for port, bits in zip(netlist.inputs, inputs, strict=True)}
        return Kernel(made.top, by_name, outputs, made.latency_cycles)


def _is_library(path: str) -> bool:
    return path.rpartition("/")[2].startswith("bw_")
