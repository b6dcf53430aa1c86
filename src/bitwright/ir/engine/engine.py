"""`Engine`: a machine, a program of instructions for it, and the constants in its memories."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bitwright.ir.engine.ops import Instruction, Load, Store
from bitwright.ir.engine.types import External, Region
from bitwright.ir.netlist import Netlist, Word, latency_cycles
from bitwright.ir.program import Node, Program, Type
from bitwright.numeric import Ints

__all__ = ["Engine", "Machine"]


@dataclass(frozen=True, slots=True)
class Machine(Type):
    """The hardware: `lanes` elements to a word, a matrix unit of lanes x lanes products a step, a maximum a lane.

    `feature`, `weight`, `total`, `mul`, `add` and `result` are the ranges of an element of feature memory, a weight,
    a gathered sum, the parameters, and what leaves the last step; `shift` is that of all parameters. `dot` (ports x, w)
    makes one output's sum of products, `post` (ports total, mul, add, low, high and, where some instruction rounds
    half to even, even) one element of the result. `features` and `results` are the words of the two memories.

    With `signs` weights are -1 and 1, stored as 0 and 1: no word has a zero, and lanes that nobody fills meet zeros.
    With `steps` a channel has so many thresholds in the range `threshold`, and `post` the ports thresholds and
    stepped. With `external` memory beside the chip there is a memory of `buffered` words of weights on it.
    """

    lanes: int
    feature: Word
    weight: Word
    total: Word
    mul: Word
    add: Word
    result: Word
    shift: int
    features: int
    results: int
    dot: Netlist
    post: Netlist
    steps: int = 0
    threshold: Word | None = None
    external: External | None = None
    buffered: int = 0
    signs: bool = False

    @property
    def beats(self) -> int:
        """Beats on the bus that a word of weights takes: whole ones."""
        return self._beats(self.lanes**2 * self.weight.width)

    @property
    def feature_beats(self) -> int:
        """Beats on the bus that a word of feature memory takes: whole ones."""
        return self._beats(self.lanes * self.feature.width)

    def _beats(self, bits: int) -> int:
        return -(-bits // self.external.data_bits) if self.external else 0

    def runs(self, region: Region) -> tuple[int, int, int]:
        """A region of features on the bus: rows, beats of each, and bursts from row to row."""
        beats = region.words // region.shape[0] * self.feature_beats
        return region.shape[0], beats, -(-beats // self.external.burst_beats) if self.external else 0

    @property
    def drain_cycles(self) -> int:
        """From an instruction's last step until its last word is safely written."""
        return latency_cycles(self.dot) + latency_cycles(self.post) + 1

    @property
    def overhead_cycles(self) -> int:
        """What an instruction takes beside its steps: it is fetched, decoded, and drains."""
        return 2 + self.drain_cycles


@dataclass(frozen=True, slots=True)
class Engine(Program[Instruction, Region]):
    """Instructions in the order of their execution; behind the last one comes number `again`, for the next frame.

    weights (words, inputs, outputs) = (words, lanes, lanes); parameters (words, lanes, 4 + steps): mul, add, low, high,
    and the thresholds, rising.
    """

    machine: Machine
    weights: Ints
    parameters: Ints
    again: int = 0

    @property
    def inputs(self) -> list[Node[Instruction, Region]]:
        """The Load instruction; where the rows come in several, as if it were one."""
        loads = [node for node in self.nodes if isinstance(node.op, Load)]
        rows = sum(node.type.shape[0] for node in loads)
        return [replace(node, type=replace(node.type, shape=(rows, *node.type.shape[1:]))) for node in loads[:1]]

    @property
    def results(self) -> list[Node[Instruction, Region]]:
        """The Store instructions."""
        return [node for node in self.nodes if isinstance(node.op, Store)]
