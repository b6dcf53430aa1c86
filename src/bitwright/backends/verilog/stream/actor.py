"""The module of one actor: its front, its kernels and the flags that travel beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from bitwright.backends.verilog.bench import hex_lines
from bitwright.backends.verilog.netlist import sink
from bitwright.backends.verilog.ports import BusWords, pack_tight
from bitwright.backends.verilog.stream.control import memory_ports
from bitwright.backends.verilog.stream.fronts import BLOCK, Front, front
from bitwright.backends.verilog.stream.kernels import Kernel, Workshop
from bitwright.backends.verilog.stream.layout import Lanes, bits_of, bus, packed
from bitwright.backends.verilog.stream.loops import kernels_behind, nets_of
from bitwright.backends.verilog.stream.registers import WritableMemory, memories_of, rows_of, weight_rows
from bitwright.backends.verilog.tree import (
    Assign,
    Binary,
    Comment,
    Concat,
    Expression,
    Instance,
    Item,
    Literal,
    Module,
    Net,
    Part,
    PortDeclaration,
    Ref,
)
from bitwright.ir.dataflow import Dataflow, Stream, kernel_of, phases_of, schedule, tail_of
from bitwright.ir.dataflow.infer import bare
from bitwright.ir.dataflow.ops import Accumulate, Actor, MatVec, Memory
from bitwright.ir.netlist import Netlist, Word
from bitwright.ir.program import Node

__all__ = ["ActorModule", "actor_module", "argument_names"]

_WIDEST_LOGIC = 2048
"""Bits of a memory in lookup tables; yosys takes time with the square of them."""


@dataclass(frozen=True, slots=True)
class ActorModule:
    """An actor's module and the memory images that it reads (path to text)."""

    module: Module
    images: dict[str, str]


def argument_names(count: int) -> list[str]:
    """What the ports of an actor's arguments begin with."""
    return ["in"] if count == 1 else ["a", "b"] if count == 2 else [f"in{n}" for n in range(count)]


def actor_module(program: Dataflow, node: Node[Actor, Stream], name: str, shop: Workshop) -> ActorModule:
    """The module `name` of an actor of `program`; its kernels' files go to `shop`."""
    args = [program.nodes[a].type for a in node.args]
    memories = memories_of(node, args[0].lanes if args else 1)
    body = _Body(name, node.op, node.type, args, front(node.op, node.type, args), shop, memories)
    body.build()
    steps = max(process.steps for process in schedule(node.op, node.type, args)[0])
    layer = f" (layer {node.origin.layer})" if node.origin.layer not in ("", node.name) else ""
    about = (
        f"{program.name}: {type(node.op).__name__} {node.name}{layer}\n"
        f"{body.front.about[:1].upper()}{body.front.about[1:]}.\n"
        f"{steps} step{'s' if steps > 1 else ''} a frame; a word is {body.latency_cycles} "
        f"cycle{'s' if body.latency_cycles > 1 else ''} behind the step that writes it."
    )
    return ActorModule(Module(name, about, tuple(body.ports()), tuple(body.items)), body.images)


@dataclass
class _Body:
    """The items of an actor's module while they are made."""

    name: str
    op: Actor
    result: Stream
    args: list[Stream]
    front: Front
    shop: Workshop
    memories: list[WritableMemory]
    items: list[Item] = field(default_factory=list[Item])
    dropped: list[Expression] = field(default_factory=list[Expression])
    images: dict[str, str] = field(default_factory=dict[str, str])
    latency_cycles: int = 1

    def build(self) -> None:
        """Front, matrix-vector unit, tail, in the order in which words pass."""
        self._front()
        if self.front.module == "bw_reduce":
            self.latency_cycles = 2
        lanes, flag = Lanes("x", self.front.words), "go"
        if isinstance(self.op, MatVec):
            lanes, flag = self._matrix(self.op, lanes)
        elif isinstance(self.op, Accumulate):
            lanes, flag = self._totals(self.op, lanes)
        lanes, flag = kernels_behind(self, self.op, lanes, flag)
        tail = tail_of(self.op)
        if tail is not None:
            lanes = self._tail(tail, lanes, flag)
        self._result(lanes, flag)
        self.items += sink(self.dropped, "what nothing needs here")

    def ports(self) -> list[PortDeclaration]:
        """The module's head: clock, reset, arguments, result."""
        heads = [PortDeclaration("input", "wire", "clk", 1), PortDeclaration("input", "wire", "rst", 1)]
        for name, stream in zip(argument_names(len(self.args)), self.args, strict=True):
            heads.append(PortDeclaration("input", "wire", f"{name}_valid", 1))
            heads.append(PortDeclaration("input", "wire", f"{name}_head", stream.bits, remark=_described(stream)))
            heads.append(PortDeclaration("output", "wire", f"{name}_pop", 1))
        heads += memory_ports(self.memories)
        heads.append(PortDeclaration("input", "wire", "out_ready", 1))
        heads.append(PortDeclaration("output", "wire", "out_take", 1, remark="keeps a place for a word"))
        heads.append(PortDeclaration("output", "wire", "out_push", 1, remark="the word, in that place"))
        heads.append(PortDeclaration("output", "wire", "out_data", self.result.bits, remark=_described(self.result)))
        return heads

    def _front(self) -> None:
        names = argument_names(len(self.args))
        heads: list[Expression] = []
        for name, stream, wanted in zip(names, self.args, self.front.given, strict=True):
            given = Lanes(f"{name}_head", stream.lane_words())
            heads.append(given.to(wanted))
            self.dropped += given.dropped
        self.items += [Net("wire", "x", bits_of(self.front.words)), Net("wire", "go", 1)]
        joined: list[tuple[str, Expression]] = [("clk", Ref("clk")), ("rst", Ref("rst"))]
        joined += self._arguments(names, heads)
        joined += [(port, Ref(port)) for port in ("out_ready", "out_take", "x", "go")]
        if self.front.module == "bw_vector":
            self.items += [Net("wire", "first", 1), Net("wire", "last", 1), Net("wire", "index", self._index_bits())]
            joined += [(port, Ref(port)) for port in ("first", "last", "index")]
        nets, ports = nets_of(self.op, self.args)
        self.items += nets
        joined += ports
        self.items.append(Instance(self.front.module, "front", tuple(joined), self.front.parameters))

    def _arguments(self, names: list[str], heads: list[Expression]) -> list[tuple[str, Expression]]:
        valids: list[Expression] = [Ref(f"{name}_valid") for name in names]
        if len(names) == 1:
            return [("in_valid", valids[0]), ("in_head", heads[0]), ("in_pop", Ref("in_pop"))]
        side_by_side = Concat(tuple(reversed(heads)))
        if self.front.module == "bw_interleave":
            pops = Concat(tuple(Ref(f"{name}_pop") for name in reversed(names)))
            return [("in_valid", Concat(tuple(reversed(valids)))), ("in_head", side_by_side), ("in_pop", pops)]
        self.items += [Net("wire", "pop", 1), *(Assign(Ref(f"{name}_pop"), Ref("pop")) for name in names)]
        both = Binary("&", valids[0], valids[1])
        return [("in_valid", both), ("in_head", side_by_side), ("in_pop", Ref("pop"))]

    def _tail(self, tail: Netlist, lanes: Lanes, flag: str) -> Lanes:
        kernel = self.shop.kernel(tail, f"{self.name}_tail")
        self.items.append(Comment("what happens to each word at the end"))
        self.items.append(Net("wire", "y", bits_of(kernel.words)))
        given: dict[str, Expression] = {}
        start = 0
        for port in tail.inputs:
            if port.name == "phase":
                given["phase"] = self.phase(phases_of(tail), flag)
                continue
            if port.name == "c":
                given["c"] = self._constants(flag)
                continue
            given[port.name] = lanes.to(kernel.port(port.name), start)
            start += len(port.words)
        self.dropped += lanes.dropped
        self.items.append(kernel.instance("tail", given, list(self.buses("y", kernel))))
        self.latency_cycles += kernel.latency_cycles
        self.items += self.late(flag, kernel.latency_cycles, "push")
        return Lanes("y", kernel.words)

    def _constants(self, flag: str) -> Expression:
        """The numbers that the word which `flag` marks meets."""
        self._store("bw_constants", self.memories[1], (("rst", Ref("rst")), ("go", Ref(flag))), ())
        return Ref("thresholds")

    def _store(
        self,
        module: str,
        memory: WritableMemory,
        joined: tuple[tuple[str, Expression], ...],
        sizes: tuple[tuple[str, int], ...],
    ) -> None:
        """A memory that can be written, what it holds at first, and the wire with its word."""
        assert isinstance(self.op, MatVec)
        rows = rows_of(self.op, self.args[0].lanes, memory.kind)
        file = f"{self.name}_{memory.kind}.hex"
        self.images[f"rtl/{file}"] = hex_lines(pack_tight([rows], [bus(memory.kind, memory.lanes)]), memory.bits)
        self.items.append(Comment(f"{memory.words} words that can be written: {memory.description}"))
        self.items.append(Net("wire", memory.kind, memory.bits))
        pins = tuple((pin, Ref(f"{memory.kind}_{pin}")) for pin in ("write", "place", "data"))
        told = (("WIDTH", memory.bits), ("WORDS", memory.words), *sizes, ("FILE", file))
        ports = (("clk", Ref("clk")), *joined, *pins, ("word", Ref(memory.kind)))
        self.items.append(Instance(module, f"store_{memory.kind}", ports, told))

    def phase(self, phases: int, flag: str) -> Expression:
        if phases == 1:
            return Literal(0, 1)
        joined = (("clk", Ref("clk")), ("rst", Ref("rst")), ("go", Ref(flag)), ("phase", Ref("phase")))
        self.items.append(Net("wire", "phase", (phases - 1).bit_length()))
        self.items.append(Instance("bw_count", "phases", joined, (("N", phases),)))
        return Ref("phase")

    def late(self, flag: str, cycles: int, result: str) -> list[Item]:
        """`result` is `flag`, so many cycles later."""
        if cycles == 0:
            return [Net("wire", result, 1, value=Ref(flag))]
        joined = (("clk", Ref("clk")), ("rst", Ref("rst")), ("in_valid", Ref(flag)), ("out_valid", Ref(result)))
        return [Net("wire", result, 1), Instance("bw_valid", f"{result}_late", joined, (("LATENCY", cycles),))]

    def buses(self, net: str, kernel: Kernel) -> Iterator[Expression]:
        """The parts of a net on which a kernel's output buses lie side by side."""
        place, total = 0, bits_of(kernel.words)
        for port in kernel.outputs:
            yield Ref(net) if port.bits == total else Part(net, place + port.bits - 1, place)
            place += port.bits

    def _result(self, lanes: Lanes, flag: str) -> None:
        self.items.append(Comment("the word in the lanes of the result"))
        self.items.append(Assign(Ref("out_data"), lanes.to(self.result.lane_words())))
        self.items.append(Assign(Ref("out_push"), Ref("push" if tail_of(self.op) is not None else flag)))
        self.dropped += lanes.dropped

    def _matrix(self, op: MatVec, x: Lanes) -> tuple[Lanes, str]:
        """The weights, a dot product and an accumulator for each unit, and the flag of the finished word."""
        kernel = self.shop.kernel(kernel_of(op), f"{self.name}_dot")
        weights = self._weights(op, kernel)
        cycles = kernel.latency_cycles
        self.items.append(Comment("the flags of a step, beside its dot products"))
        for flag in ("go", "first", "last"):
            self.items += self.late(flag, cycles, f"dot_{flag}")
        self.items.append(Comment("a dot product and an accumulator for each unit"))
        count, total = len(kernel.words), Word(op.low, op.high)
        dots = Lanes("dots", kernel.words * (op.units // count))
        self.items += [Net("wire", "dots", dots.bits), Net("wire", "total", total.width * op.units)]
        self.items.append(Net("wire", "done", op.units))
        given = x.to(kernel.port("x"))
        for unit in range(0, op.units, count):
            row = weights.to(kernel.port("w"), unit * self.args[0].lanes)
            self.items.append(kernel.instance(f"dot_{unit}", {"x": given, "w": row}, [dots.run(unit, count)]))
            for each in range(unit, unit + count):
                self.accumulator(each, dots, Lanes("total", [total] * op.units))
        self.dropped += [*x.dropped, *dots.dropped]
        self.latency_cycles = 2 + cycles
        return Lanes("total", [total] * op.units), self._finished(op.units)

    def accumulator(self, unit: int, dots: Lanes, totals: Lanes) -> None:
        word, total = dots.words[unit], totals.words[unit]
        # The accumulator adds signed words, modulo its own width.
        signed = Word(min(word.low, -1), word.high)
        taken = signed if signed.width <= total.width else Word(-1 << (total.width - 1), 0)
        joined: tuple[tuple[str, Expression], ...] = (
            ("clk", Ref("clk")),
            ("rst", Ref("rst")),
            ("x", dots.to([taken], unit)),
            *((flag, Ref(f"dot_{flag}")) for flag in ("go", "first", "last")),
            ("total", totals.lane(unit)),
            ("done", Ref("done") if len(totals.words) == 1 else Part("done", unit, unit)),
        )
        sizes: list[tuple[str, int | str | Literal]] = [("IN", taken.width), ("OUT", total.width)]
        if isinstance(self.op, Accumulate):
            start = np.broadcast_to(self.op.start.array, (len(totals.words),))
            sizes += [("SHIFT", self.op.shift), ("START", packed([int(start[unit])], [total]))]
        self.items.append(Instance("bw_accumulate", f"sum_{unit}", joined, tuple(sizes)))

    def _totals(self, op: Accumulate, x: Lanes) -> tuple[Lanes, str]:
        """The kernel, an accumulator for each of its lanes, and the flag of the finished word."""
        kernel = self.shop.kernel(op.kernel, f"{self.name}_kernel")
        self.items += [Comment("the kernel of each word"), Net("wire", "made", bits_of(kernel.words))]
        given = {"x": x.to(kernel.port("x"))}
        self.dropped += [*x.dropped, Ref("index")]
        self.items.append(kernel.instance("kernel", given, list(self.buses("made", kernel))))
        for flag in ("go", "first", "last"):
            self.items += self.late(flag, kernel.latency_cycles, f"dot_{flag}")
        made, totals = Lanes("made", kernel.words), Lanes("total", bare(op, self.args, self.result.lanes)[1])
        self.items += [Comment("an accumulator a lane"), Net("wire", "total", totals.bits)]
        self.items.append(Net("wire", "done", len(totals.words)))
        for unit in range(len(totals.words)):
            self.accumulator(unit, made, totals)
        self.dropped += made.dropped
        self.latency_cycles = 2 + kernel.latency_cycles
        return totals, self._finished(len(totals.words))

    def _finished(self, units: int) -> str:
        """The flag of the total's word: all accumulators end at once."""
        if units == 1:
            return "done"
        self.dropped.append(Part("done", units - 1, 1))
        self.items += [Comment("all units are done at once"), Net("wire", "finished", 1, value=Part("done", 0, 0))]
        return "finished"

    def _index_bits(self) -> int:
        return max((self._rows() - 1).bit_length(), 1)

    def _rows(self) -> int:
        """Words of weights, or of the block where there are none."""
        if isinstance(self.op, Accumulate):
            return self.op.count
        assert isinstance(self.op, MatVec)
        return self.op.weights.array.size // (self.args[0].lanes * self.op.units)

    def _weights(self, op: MatVec, kernel: Kernel) -> Lanes:
        """The weights of the step that `go` tells of, all units side by side: a memory, or one number."""
        words = list(kernel.port("w")) * (op.units // len(kernel.words))
        if op.stored is not None:
            self._store("bw_store", self.memories[0], (("index", Ref("index")),), (("BLOCK", BLOCK[op.memory]),))
            return Lanes("weights", words)
        lanes, rows = Lanes("weights", words), weight_rows(op, self.args[0].lanes)
        if len(rows) == 1:
            self.items.append(Comment("one word of weights"))
            self.items.append(Net("wire", "weights", lanes.bits, value=_literal(rows[0].tolist(), words)))
            self.dropped.append(Ref("index"))
            return lanes
        packed_rows = pack_tight([rows], [bus("weights", words)])
        self.items.append(Comment(f"{len(rows)} words of weights: (group, block, fold), unit 0 lane 0 lowest"))
        unit = lanes.bits // op.units
        if not op.spilled:
            self.rom("weights", packed_rows, lanes.bits, op.memory, unit)
            return lanes
        # What does not fit into whole blocks is in lookup tables.
        kept = lanes.bits - op.spilled
        self.rom("weights_low", *_bits_of(packed_rows, 0, kept), op.memory)
        self.rom("weights_high", *_bits_of(packed_rows, kept, op.spilled), Memory.LUT)
        self.items.append(Net("wire", "weights", lanes.bits, value=Concat((Ref("weights_high"), Ref("weights_low")))))
        return lanes

    def rom(self, name: str, rows: BusWords, width: int, memory: Memory, unit: int = 1) -> None:
        """A memory of constants that `index` reads, its contents, and the wire `name` with the word.

        A wide one in lookup tables is several, each of whole units of `unit` bits.
        """
        most = max(_WIDEST_LOGIC // unit, 1) * unit
        if memory is Memory.LUT and width > most:
            parts = [(f"{name}_{k}", low) for k, low in enumerate(range(0, width, most))]
            for part, low in parts:
                self.rom(part, *_bits_of(rows, low, min(most, width - low)), memory, unit)
            together = Concat(tuple(Ref(part) for part, _ in reversed(parts)))
            self.items.append(Net("wire", name, width, value=together))
            return
        file = f"{self.name}_{name}.hex"
        self.images[f"rtl/{file}"] = hex_lines(rows, width)
        self.items.append(Net("wire", name, width))
        joined = (("clk", Ref("clk")), ("index", Ref("index")), ("word", Ref(name)))
        sizes = (("WIDTH", width), ("WORDS", len(rows)), ("BLOCK", BLOCK[memory]), ("FILE", file))
        self.items.append(Instance("bw_rom", f"rom_{name}", joined, sizes))


def _bits_of(rows: BusWords, lowest: int, count: int) -> tuple[BusWords, int]:
    """So many bits of each row of little-endian words, from bit `lowest` up, and how many."""
    bits = np.unpackbits(np.ascontiguousarray(rows).view(np.uint8), axis=1, bitorder="little")
    cut = bits[:, lowest : lowest + count]
    padded = np.pad(cut, ((0, 0), (0, -count % 32)))
    return np.packbits(padded, axis=1, bitorder="little").view(np.uint32), count


def _literal(values: Sequence[int], words: Sequence[Word]) -> Expression:
    """A word of constants, lane by lane so that it can be read."""
    parts = [packed([value], [word]) for value, word in zip(values, words, strict=True)]
    return parts[0] if len(parts) == 1 else Concat(tuple(reversed(parts)))


def _described(stream: Stream) -> str:
    words = stream.lane_words()
    kinds = {f"{'s' if w.signed else 'u'}{w.width}" for w in words}
    return f"{len(words)} of {kinds.pop()}" if len(kinds) == 1 else f"{len(words)} lanes of mixed formats"
