"""The top of an engine: sequencer, memories, and for each lane products, a total and the last step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bitwright.backends.verilog.bench import hex_lines
from bitwright.backends.verilog.engine.code import encode, field_bits
from bitwright.backends.verilog.engine.outside import fetcher, memory_ports, sender, weight_memory, weight_rows
from bitwright.backends.verilog.ports import pack_tight
from bitwright.backends.verilog.stream.kernels import Kernel
from bitwright.backends.verilog.stream.layout import Lanes, bits_of, bus
from bitwright.backends.verilog.stream.ports import StreamPort
from bitwright.backends.verilog.tree import (
    Assign,
    Binary,
    Comment,
    Concat,
    Conditional,
    Expression,
    Instance,
    Item,
    Literal,
    Module,
    Net,
    Part,
    PortDeclaration,
    Ref,
    Unary,
)
from bitwright.ir.engine import Engine, External
from bitwright.ir.engine.ops import Send
from bitwright.ir.netlist import Word
from bitwright.numeric import IntArray

__all__ = ["EngineTop"]

_FLAGS = (
    "ready", "room", "fetch_room", "arrived", "send_room", "sending", "load", "compute", "store", "fetch", "brings",
    "sends", "send", "ends", "results", "even", "stepped", "maximum",
    "in_grid", "first", "last",
)  # fmt: skip
_PLACES = ("place", "weight_place", "parameter_place", "write_place")
_IN_LOGIC = 64
"""Words up to which a memory is made of lookup tables."""


def _bits(words: int) -> int:
    return max((words - 1).bit_length(), 1)


@dataclass
class EngineTop:
    """Builds the module `name`; `images` are the contents of its memories (path to text) once it is made."""

    program: Engine
    name: str
    dot: Kernel
    post: Kernel
    ports: tuple[StreamPort, StreamPort]
    images: dict[str, str] = field(default_factory=dict[str, str])
    items: list[Item] = field(default_factory=list[Item])
    dropped: list[Expression] = field(default_factory=list[Expression])

    @property
    def external(self) -> External | None:
        """The memory beside the chip."""
        return self.program.machine.external

    def module(self) -> Module:
        """The whole top."""
        self.items.append(Net("wire", "clk", 1, value=Ref("aclk")))
        self.items.append(Net("wire", "rst", 1, value=Unary("~", Ref("aresetn"))))
        self._sequencer()
        self._timing()
        bits = self._reach
        place = Conditional(Ref("load"), Part("write_place", bits - 1, 0), Ref("finished_place"))
        self.items.append(Net("wire", "written_place", bits, value=place))
        x = self._features()
        lanes = self._lanes(x, self._weights(), self._parameters())
        self._results(lanes)
        self._writing(lanes)
        rest = Concat((Literal(0, 1), *self.dropped))
        self.items += [Comment("bits that nobody reads"), Net("wire", "top_unused", 1, value=Unary("&", rest))]
        heads = [PortDeclaration("input", "wire", control, 1) for control in ("aclk", "aresetn")]
        for port in self.ports:
            heads += _axis(port)
        if self.external:
            heads += memory_ports(self.external, self.spills)
        return Module(self.name, self._about(), tuple(heads), tuple(self.items))

    def _about(self) -> str:
        machine = self.program.machine
        return (
            f"{self.name}: {len(self.program)} instructions, an engine of {machine.lanes} x {machine.lanes} products.\n"
            "Frames go in and come out as AXI4-Stream, one after the other; words carry elements in C order, the\n"
            "first one lowest, without gaps; TLAST ends a frame. The reset is synchronous and active low."
        )

    def _sequencer(self) -> None:
        code = encode(self.program)
        bits = field_bits(self.program, code)
        word = Word(-1 << bits - 1, (1 << bits - 1) - 1)
        self._image("program", code, [word] * code.shape[1])
        self.items += [Comment("instructions and their loops")]
        self.items += [Net("wire", flag, 1) for flag in _FLAGS]
        self.items += [Net("wire", place, bits) for place in (*_PLACES, "runs")]
        self.items.append(Net("wire", "under_way", 2))
        joined: list[tuple[str, Expression]] = [("clk", Ref("clk")), ("rst", Ref("rst"))]
        joined += [("offered", Ref("s_axis_tvalid")), ("runs", Ref("runs")), ("under_way", Ref("under_way"))]
        joined += [(net, Ref(net)) for net in (*_FLAGS, *_PLACES)]
        sizes = (
            ("FIELD", bits), ("INSTRUCTIONS", len(code)), ("AGAIN", self.program.again),
            ("DRAIN", self.program.machine.drain_cycles), ("BLOCK", int(len(code) > _IN_LOGIC)),
            ("FILE", f"{self.name}_program.hex"),
        )  # fmt: skip
        self.items.append(Instance("bw_engine", "sequencer", tuple(joined), sizes))
        self.items.append(Assign(Ref("s_axis_tready"), Ref("ready")))
        self.dropped += [Ref("s_axis_tlast")]
        self._fetcher(bits)
        machine, words = self.program.machine, (self.weight_words, self.program.parameters.shape[0])
        reach = (_bits(max(machine.features, machine.results)), _bits(words[0]), _bits(words[1]))
        for place, used in zip(_PLACES, (*reach, reach[0]), strict=True):
            if used < bits:
                self.dropped.append(Part(place, bits - 1, used))

    @property
    def weight_words(self) -> int:
        """Words of the weight memory on the chip."""
        return self.program.machine.buffered if self.external else self.program.weights.shape[0]

    def _fetcher(self, bits: int) -> None:
        """What reads external memory; without one, nothing is ever fetched."""
        if not self.spills:
            self.items += [Assign(Ref("send_room"), Literal(1, 1)), Assign(Ref("sending"), Literal(0, 1))]
            self.dropped += [Ref("sends"), Ref("send")]
        if not self.external:
            self.items += [Assign(Ref("fetch_room"), Literal(1, 1)), Assign(Ref("arrived"), Literal(0, 1))]
            self.items.append(Assign(Ref("under_way"), Literal(0, 2)))
            self.dropped += [Ref("fetch"), Ref("brings"), Ref("runs")]
            return
        self.items.append(Comment("weights come from external memory, and feature maps that went there"))
        self.items += fetcher(self.program.machine, bits, self.spills)
        used, width = _bits(self.weight_words), self.program.machine.lanes * self.program.machine.feature.width
        if used < bits:
            self.dropped.append(Part("fetched_place", bits - 1, used))
        wide = self.program.machine.feature_beats * self.external.data_bits if self.spills else self.external.data_bits
        unread = Part("brought", wide - 1, width) if self.spills and wide > width else None
        self.dropped += [unread] if unread else [] if self.spills else [Ref("brought")]
        if self.spills:
            self.items.append(sender(self.program.machine, bits))

    @property
    def spills(self) -> bool:
        """Whether feature maps go to external memory."""
        return any(isinstance(node.op, Send) for node in self.program.nodes)

    def _delay(self, name: str, width: int, data: Expression, cycles: int, *, valid: bool = False) -> None:
        """The net `name`: `data` so many cycles later; flags that must not be there after a reset are `valid`."""
        self.items.append(Net("wire", name, width))
        if valid:
            joined = (("clk", Ref("clk")), ("rst", Ref("rst")), ("in_valid", data), ("out_valid", Ref(name)))
            self.items.append(Instance("bw_valid", f"{name}_late", joined, (("LATENCY", cycles),)))
        else:
            joined = (("clk", Ref("clk")), ("data", data), ("late", Ref(name)))
            self.items.append(Instance("bw_delay", f"{name}_late", joined, (("WIDTH", width), ("CYCLES", cycles))))

    def _timing(self) -> None:
        """Flags beside the words: read (1 cycle), multiplied, totaled (1 cycle), finished."""
        taken = 1 + self.dot.latency_cycles
        self.items.append(Comment("a step: its word is read, multiplied, taken into the totals"))
        self._delay("summing", 1, Ref("compute"), taken, valid=True)
        self._delay("summing_first", 1, Ref("first"), taken)
        self._delay("summing_in_grid", 1, Ref("in_grid"), taken)
        last = Binary("&", Ref("compute"), Ref("last"))
        late = taken + 1 + self.post.latency_cycles
        self._delay("finished", 1, last, late, valid=True)
        bits = self._reach
        self._delay("finished_place", bits, Part("write_place", bits - 1, 0), late)

    @property
    def _reach(self) -> int:
        """Bits of a place in the larger of the memories that are written."""
        return _bits(max(self.program.machine.features, self.program.machine.results))

    def _memory(self, name: str, width: int, words: int, pins: Mapping[str, Expression]) -> None:
        bits = _bits(words)
        joined: list[tuple[str, Expression]] = [("clk", Ref("clk")), *pins.items(), ("word", Ref(f"{name}_word"))]
        joined += [("write_place", Part("written_place", bits - 1, 0)), ("read_place", Part("place", bits - 1, 0))]
        sizes = (("WIDTH", width), ("WORDS", words), ("BLOCK", int(words > _IN_LOGIC)))
        self.items += [Net("wire", f"{name}_word", width), Instance("bw_memory", name, tuple(joined), sizes)]

    def _features(self) -> Lanes:
        machine = self.program.machine
        words = [machine.feature] * machine.lanes
        self.items += [Comment("feature memory"), Net("wire", "features_data", bits_of(words))]
        self.items.append(Net("wire", "features_write", 1))
        pins = {"write": Ref("features_write"), "data": Ref("features_data")}
        pins |= {"read": Binary("|", Ref("compute"), Ref("send")) if self.spills else Ref("compute")}
        blank: dict[str, Expression] = {"blank": Unary("~", Ref("in_grid"))}
        self._memory("features", bits_of(words), machine.features, pins | blank)
        return Lanes("features_word", words)

    def _image(self, name: str, rows: IntArray, words: Sequence[Word]) -> None:
        packed = pack_tight([rows], [bus(name, list(words))])
        self.images[f"rtl/{self.name}_{name}.hex"] = hex_lines(packed, bits_of(words))

    def _constants(self, name: str, rows: IntArray, words: list[Word], index: Expression) -> Lanes:
        self._image(name, rows, words)
        self.items += [Comment(f"{len(rows)} words of {name}"), Net("wire", name, bits_of(words))]
        joined = (("clk", Ref("clk")), ("index", index), ("word", Ref(name)))
        sizes = (
            ("WIDTH", bits_of(words)), ("WORDS", len(rows)), ("BLOCK", int(len(rows) > _IN_LOGIC)),
            ("FILE", f"{self.name}_{name}.hex"),
        )  # fmt: skip
        self.items.append(Instance("bw_rom", f"rom_{name}", joined, sizes))
        return Lanes(name, words)

    def _weights(self) -> Lanes:
        """For each output the weights of all inputs, the first output lowest."""
        rows, words = weight_rows(self.program.weights.array), list(self.dot.port("w")) * self.program.machine.lanes
        if self.external:
            self.items += weight_memory(self.program.machine, bits_of(words), _bits(self.weight_words), _IN_LOGIC)
            return Lanes("weights", words)
        return self._constants("weights", rows, words, Part("weight_place", _bits(len(rows)) - 1, 0))

    def _parameters(self) -> Lanes:
        """For each lane mul, add, low, high and the thresholds; asked for when the total is made."""
        rows = self.program.parameters.array.reshape(self.program.parameters.shape[0], -1)
        own = [self.post.port(name)[0] for name in ("mul", "add", "low", "high")]
        own += self.post.port("thresholds") if self.program.machine.steps else ()
        words = own * self.program.machine.lanes
        bits = _bits(len(rows))
        self._delay("parameter_index", bits, Part("parameter_place", bits - 1, 0), 1 + self.dot.latency_cycles)
        return self._constants("parameters", rows, words, Ref("parameter_index"))

    def _lanes(self, x: Lanes, weights: Lanes, parameters: Lanes) -> list[Lanes]:
        """The units of all lanes; the words that leave them."""
        lanes = self.program.machine.lanes
        self.items.append(Comment("the word for the maxima, beside the products"))
        self._delay("x", x.bits, Ref("features_word"), self.dot.latency_cycles)
        late = Lanes("x", x.words)
        return [self._lane(number, x, late, weights, parameters) for number in range(lanes)]

    def _lane(self, number: int, x: Lanes, late: Lanes, weights: Lanes, parameters: Lanes) -> Lanes:
        machine = self.program.machine
        width = machine.total.width + (not machine.total.signed)
        wide = Word(-1 << width - 1, (1 << width - 1) - 1)
        product = Lanes(f"product_{number}", self.dot.words)
        total = Lanes(f"total_{number}", [machine.total if machine.total.signed else wide])
        result = Lanes(f"y_{number}", self.post.words)
        self.items.append(Comment(f"lane {number}"))
        self.items += [Net("wire", net.name, net.bits) for net in (product, total, result)]
        given = {"x": x.to(self.dot.port("x")), "w": weights.to(self.dot.port("w"), number * machine.lanes)}
        self.items.append(self.dot.instance(f"dot_{number}", given, [Ref(product.name)]))
        joined: list[tuple[str, Expression]] = [("clk", Ref("clk")), ("valid", Ref("summing"))]
        joined += [("first", Ref("summing_first")), ("in_grid", Ref("summing_in_grid")), ("maximum", Ref("maximum"))]
        own = machine.feature.width + (not machine.feature.signed)
        narrow = Word(-1 << own - 1, (1 << own - 1) - 1)
        joined += [("sum", product.to([wide])), ("x", late.to([narrow], number)), ("total", Ref(total.name))]
        self.items.append(Instance("bw_engine_lane", f"lane_{number}", tuple(joined), (("WIDTH", width), ("X", own))))
        told: dict[str, Expression] = {"total": total.to(self.post.port("total"))}
        first = number * (4 + machine.steps)
        for place, name in enumerate(("mul", "add", "low", "high")):
            told[name] = parameters.to(self.post.port(name), first + place)
        if machine.steps:
            told["thresholds"] = parameters.to(self.post.port("thresholds"), first + 4)
        for flag in ("even", "stepped"):
            if flag in self.post.inputs:
                told[flag] = Ref(flag)
            elif number == 0:
                self.dropped.append(Ref(flag))
        self.items.append(self.post.instance(f"post_{number}", told, [Ref(result.name)]))
        self.dropped += [*product.dropped, *total.dropped]
        return result

    def _results(self, lanes: Sequence[Lanes]) -> None:
        """What leaves: a memory of its own, in its own widths."""
        port, machine = self.ports[1], self.program.machine
        words = port.stream.lane_words()
        kept = [lane.to([word]) for lane, word in zip(lanes, words, strict=False)]
        self.items.append(Comment("results"))
        self._memory(
            "outputs", bits_of(words), machine.results,
            {
                "write": Binary("&", Ref("finished"), Ref("results")), "data": Concat(tuple(reversed(kept))),
                "read": Ref("store"), "blank": Literal(0, 1),
            },
        )  # fmt: skip
        joined: list[tuple[str, Expression]] = [("clk", Ref("clk")), ("rst", Ref("rst"))]
        joined += [(net, Ref(net)) for net in ("store", "ends", "room")]
        joined += [(pin, Ref(f"m_axis_{pin}")) for pin in ("tvalid", "tready", "tlast")]
        self.items.append(Instance("bw_engine_store", "way_out", tuple(joined)))
        above = port.data_bits - port.bits
        data: Expression = Ref("outputs_word")
        self.items.append(Assign(Ref("m_axis_tdata"), Concat((Literal(0, above), data)) if above else data))

    def _writing(self, lanes: Sequence[Lanes]) -> None:
        """What is written to the features: words from outside, zeros behind them, or results."""
        machine, port = self.program.machine, self.ports[0]
        outside = Lanes("incoming", port.stream.lane_words())
        self.items.append(Net("wire", "incoming", port.bits, value=Part("s_axis_tdata", port.bits - 1, 0)))
        free = machine.lanes - port.stream.lanes
        parts: list[Expression] = [Literal(0, free * machine.feature.width)] if free else []
        parts.append(outside.to([machine.feature] * port.stream.lanes))
        self.items += [Comment("feature memory takes words from outside, and results"), Net("wire", "loaded", 1)]
        self.items.append(Assign(Ref("loaded"), Ref("load")))
        own = [lane.to([machine.feature]) for lane in lanes]
        data: Expression = Conditional(Ref("loaded"), Concat(tuple(parts)), Concat(tuple(reversed(own))))
        if self.spills:
            data = Conditional(Ref("brings"), Part("brought", machine.lanes * machine.feature.width - 1, 0), data)
        self.items.append(Assign(Ref("features_data"), data))
        result = Binary("&", Ref("finished"), Unary("~", Ref("results")))
        self.items.append(Assign(Ref("features_write"), Binary("|", Ref("loaded"), result)))
        if port.data_bits > port.bits:
            self.dropped.append(Part("s_axis_tdata", port.data_bits - 1, port.bits))
        for lane in lanes:
            self.dropped += lane.dropped


def _axis(port: StreamPort) -> list[PortDeclaration]:
    away, back = ("input", "output") if port.direction == "input" else ("output", "input")
    return [
        PortDeclaration(away, "wire", f"{port.prefix}_tdata", port.data_bits),
        PortDeclaration(away, "wire", f"{port.prefix}_tvalid", 1),
        PortDeclaration(back, "wire", f"{port.prefix}_tready", 1),
        PortDeclaration(away, "wire", f"{port.prefix}_tlast", 1),
    ]
