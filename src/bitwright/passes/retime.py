"""`retime`: registers so that every path between them meets the clock; fixed latency, a result a cycle."""

from __future__ import annotations

from dataclasses import dataclass

from bitwright.core.errors import InvalidValue
from bitwright.cost.delay import delay_ns
from bitwright.ir.netlist import Netlist, Port, Word
from bitwright.ir.netlist.ops import Constant, Register, Shift, WordOp
from bitwright.ir.program import Node
from bitwright.platforms import Device

__all__ = ["Retime"]



@dataclass(frozen=True)
class Retime:
    """Pipelines a netlist for `clock_mhz` on `device`, by the delay model of its fabric.

    A word starts a new stage when it would not finish in the period. Words that are needed later
    wait in registers, each once; shifts wait as what they shift. Outputs are registered and all
    come out in the same cycle. `clock_mhz=None` registers the outputs only.
    """

    device: Device
    clock_mhz: float | None

    def __call__(self, program: Netlist) -> Netlist:
        """The pipelined netlist: the same function, `latency_cycles` later."""
        stage, last = self._stages(program)
        return _Registers(program, stage, last).build()

    def _stages(self, program: Netlist) -> tuple[list[int], int]:
        """The stage in which each word is computed, and the one after which outputs are registered."""
        fabric = self.device.fabric
        period = float("inf") if self.clock_mhz is None else 1000.0 / self.clock_mhz - fabric.register_ns
        if period <= 0:
            raise InvalidValue(
                f"a clock of {self.clock_mhz} MHz leaves no time",
                where=self.device.name,
                remedy=f"stay below {1000.0 / fabric.register_ns:.0f} MHz",
            )
        stage: list[int] = []
        arrival: list[float] = []
        for node in program.nodes:
            if isinstance(node.op, Register):
                raise InvalidValue("it is pipelined already", where=program.name, remedy="retime the plain netlist")
            spent = delay_ns(node.op, node.type, [program.nodes[a].type for a in node.args], fabric)
            begin = max((stage[a] for a in node.args), default=0)
            ready = max((arrival[a] for a in node.args if stage[a] == begin), default=0.0)
            if ready + spent > period and ready > 0:
                begin, ready = begin + 1, 0.0
            stage.append(begin)
            arrival.append(ready + spent)
        return stage, max((stage[o] for o in program.outputs), default=0)


class _Registers:
    """Rebuilds a netlist with each word delayed to the stages in which it is read."""

    def __init__(self, program: Netlist, stage: list[int], last: int) -> None:
        self.program = program
        self.stage = stage
        self.last = last
        self.nodes: list[Node[WordOp, Word]] = []
        self.place: dict[tuple[int, int], int] = {}

    def build(self) -> Netlist:
        program = self.program
        for position, node in enumerate(program.nodes):
            if isinstance(node.op, Shift) and node.op.left > 0:
                continue  # built where it is read: its bits wait unshifted
            args = tuple(self.at(a, self.stage[position]) for a in node.args)
            self.place[position, self.stage[position]] = self.append(node.op, args, node, node.name)
        ports = [self.port(p, self.last + 1) for p in program.results]
        inputs = [Port(p.name, p.shape, tuple(self.place[w, 0] for w in p.words), p.step) for p in program.inputs]
        outputs = tuple(w for p in ports for w in p.words)
        return Netlist(program.name, tuple(self.nodes), outputs, tuple(inputs), tuple(ports))

    def port(self, port: Port, stage: int) -> Port:
        return Port(port.name, port.shape, tuple(self.at(w, stage) for w in port.words), port.step)

    def append(self, op: WordOp, args: tuple[int, ...], node: Node[WordOp, Word], name: str) -> int:
        self.nodes.append(Node(op, args, node.type, name, node.origin))
        return len(self.nodes) - 1

    def at(self, position: int, stage: int) -> int:
        """The position of the word as it is `stage` cycles after the inputs."""
        node = self.program.nodes[position]
        if isinstance(node.op, Constant):
            return self.place[position, self.stage[position]]
        key = (position, stage)
        if key not in self.place:
            if isinstance(node.op, Shift) and node.op.left > 0:
                made = self.append(node.op, (self.at(node.args[0], stage),), node, f"{node.name}_s{stage}")
            else:
                before = self.at(position, stage - 1)
                made = self.append(Register(), (before,), node, f"{node.name}_r{stage}")
            self.place[key] = made
        return self.place[key]


