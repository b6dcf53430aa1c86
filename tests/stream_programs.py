"""Small dataflow programs built by hand, one of every actor and more, and a literal reading of their schedules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from tests.engine_graphs import perceptron

from bitwright.core.origin import Origin
from bitwright.ir.dataflow import SINK, Channel, Dataflow, DataflowBuilder, Process, Stream, Wait, schedule
from bitwright.ir.dataflow.ops import (
    Apply,
    Cell,
    Convert,
    Inner,
    Interleave,
    Loop,
    MatVec,
    Memory,
    Rearrange,
    Recur,
    Reduce,
    Reduction,
    Search,
    Window,
)
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word
from bitwright.ir.netlist.ops import Register
from bitwright.numeric import IntArray, Ints, Steps
from bitwright.passes.mix import Mix, Segment, cuts
from bitwright.passes.streaming import Place
from bitwright.platforms import device

ONE = Steps.of(1)
Kernel = Callable[[NetlistBuilder, list[int]], list[int]]


def stream(shape: tuple[int, ...], lanes: int, words: Sequence[Word] | Word) -> Stream:
    """A stream of `words` (one for each lane, or one for all)."""
    if isinstance(words, Word):
        return Stream(shape, lanes, Ints(words.low), Ints(words.high), ONE)
    return Stream(shape, lanes, Ints([w.low for w in words]), Ints([w.high for w in words]), ONE)


def netlist(name: str, ports: dict[str, Sequence[Word]], kernel: Kernel, registers: int = 0) -> Netlist:
    """`kernel` of all input words in order, with so many registers behind it."""
    b = NetlistBuilder()
    given = [b.input_port(port, () if port == "phase" else (len(words),), words, ONE) for port, words in ports.items()]
    b.at(Origin(name))
    found = kernel(b, [word for port in given for word in port.words])
    for _ in range(registers):
        found = [b.word(Register(), word) for word in found]
    return b.finish(name, given, [Port("y", (len(found),), tuple(found), ONE)])


def dot(x: Sequence[Word], w: Word, registers: int = 0) -> Netlist:
    """The dot product of `x` and as many weights."""

    def kernel(b: NetlistBuilder, words: list[int]) -> list[int]:
        half = len(words) // 2
        total = b.constant(0)
        for a, c in zip(words[:half], words[half:], strict=True):
            total = b.add(total, b.multiply(a, c))
        return [total]

    return netlist("dot", {"x": x, "w": [w] * len(x)}, kernel, registers)


def dense(source: Stream, weights: IntArray, units: int, *, registers: int = 0, phases: bool = False) -> MatVec:
    """A matrix-vector unit whose tail adds a number (by phase) and saturates to s5."""
    w = Word(int(weights.min()), int(weights.max()))
    reach = int(np.abs(weights).sum(axis=1).max()) * max(max(abs(x.low), abs(x.high)) for x in source.lane_words())
    total = Word(-reach, reach)
    blocks = weights.shape[2] // units

    def tail(b: NetlistBuilder, words: list[int]) -> list[int]:
        bias = b.table(words[-1], 0, [5 * i - 7 for i in range(blocks)]) if phases else b.constant(3)
        return [b.clip(b.shift(b.add(x, bias), -2), -16, 15) for x in words[:units]]

    ports: dict[str, Sequence[Word]] = {"x": [total] * units} | ({"phase": [Word(0, blocks - 1)]} if phases else {})
    made = netlist("act", ports, tail, registers)
    kernel = dot(source.lane_words(), w, registers)
    return MatVec(Ints(weights), units, kernel, total.low, total.high, made)


def weights(seed: int, *shape: int) -> IntArray:
    return np.random.default_rng(seed).integers(-4, 4, shape)


def most(words: Sequence[Word], taps: int, registers: int = 0) -> Netlist:
    """The largest of `taps` words, lane by lane."""
    lanes = len(words) // taps

    def kernel(b: NetlistBuilder, given: list[int]) -> list[int]:
        found = given[:lanes]
        for tap in range(1, taps):
            other = given[tap * lanes : (tap + 1) * lanes]
            found = [b.mux(b.at_least(a, c), a, c) for a, c in zip(found, other, strict=True)]
        return found

    return netlist("max", {"x": words}, kernel, registers)


MIXED = [Word(-8, 7), Word(0, 15), Word(-1, 0), Word(0, 1)]


def folded() -> Dataflow:
    """A dense layer in 4 folds and 3 blocks, and a second one that is all one word."""
    b = DataflowBuilder()
    x = b.source(stream((16,), 4, MIXED), "pixels")
    first = b.apply(dense(b.type(x), weights(1, 1, 16, 6), 2, registers=1, phases=True), [x], shape=(6,), name="fc1")
    wide = b.apply(Convert(), [first], lanes=6, name="wider")
    last = b.apply(dense(b.type(wide), weights(2, 1, 6, 5), 5), [wide], shape=(5,), name="fc2")
    return b.dataflow("folded", [last])


def pooled() -> Dataflow:
    """A padded, strided maximum over windows, two groups of lanes."""
    b = DataflowBuilder()
    source = stream((5, 6, 4), 2, [Word(-8, 7), Word(0, 3)])
    x = b.source(source, "image")
    window = Window((5, 6, 4), (3, 2), (2, 2), ((1, 1), (0, 1)), (1, 2), -8)
    taps = [Word(-8, 7), Word(-8, 3)] * 6
    y = b.apply(replace(window, tail=most(taps, 6, 2)), [x], shape=(3, 3, 4), name="pool")
    return b.dataflow("pooled", [y])


def convolved() -> Dataflow:
    """A convolution: windows of the image, each a vector of the matrix unit; then the mean's sum and the maximum."""
    b = DataflowBuilder()
    x = b.source(stream((6, 6, 2), 2, [Word(-8, 7), Word(-2, 1)]), "image")
    window = b.apply(Window((6, 6, 2), (3, 3), (1, 1), ((1, 1), (1, 1))), [x], shape=(36, 18), name="lines")
    conv = b.apply(dense(b.type(window), weights(3, 1, 18, 4), 2), [window], shape=(6, 6, 4), name="conv")
    total = b.apply(Reduce(36, Reduction.SUM), [conv], shape=(4,), name="mean")
    highest = b.apply(Reduce(36, Reduction.MAX), [conv], shape=(4,), name="highest")
    return b.dataflow("convolved", [total, highest])


def residual() -> Dataflow:
    """A branch through a matrix unit, and the words themselves beside it, added up."""
    b = DataflowBuilder()
    x = b.source(stream((4, 4), 4, Word(-16, 15)), "tokens")
    branch = b.apply(dense(b.type(x), weights(4, 1, 4, 4), 4, registers=2), [x], name="branch")

    def kernel(n: NetlistBuilder, words: list[int]) -> list[int]:
        return [n.clip(n.add(a, c), -16, 15) for a, c in zip(words[:4], words[4:], strict=True)]

    ports = {"a": [Word(-16, 15)] * 4, "b": [Word(-16, 15)] * 4}
    both = b.apply(Apply(netlist("sum", ports, kernel, 1)), [branch, x], name="join")
    return b.dataflow("residual", [both])


def joined() -> Dataflow:
    """Two sources in turn, words narrowed and widened on the way; the joined words leave twice."""
    b = DataflowBuilder()
    left = b.source(stream((3, 4), 2, [Word(-8, 7), Word(0, 1)]), "left")
    right = b.source(stream((3, 2), 2, [Word(0, 31), Word(-2, 1)]), "right")
    both = b.apply(Interleave((2, 1)), [left, right], shape=(3, 6), name="concat")
    narrow = b.apply(Convert(), [both], lanes=3, name="narrow")
    return b.dataflow("joined", [narrow, both])


def rearranged() -> Dataflow:
    """Transposed pixels, then upsampled with a padded border."""
    b = DataflowBuilder()
    x = b.source(stream((3, 4, 2), 1, Word(-4, 3)), "image")
    turned = Rearrange((3, 4, 2), (Loop(4, column=1), Loop(3, row=1), Loop(2, word=1)), depth=29)
    turned_ = b.apply(turned, [x], shape=(4, 3, 2), name="transpose")
    loops = (Loop(6, row=1), Loop(5, column=1), Loop(2), Loop(2, word=1))
    padded = Rearrange((4, 3, 2), loops, (-1, -1, 0), 1, fill=5, depth=9, memory=Memory.BLOCK)
    padded_ = b.apply(padded, [turned_], shape=(6, 5, 2, 2), name="pad")
    return b.dataflow("rearranged", [padded_])


def grouped() -> Dataflow:
    """Depthwise: a matrix for each of three groups; a tail with phases on a single word."""
    b = DataflowBuilder()
    x = b.source(stream((4, 3, 2), 2, Word(0, 3)), "taps")
    y = b.apply(dense(b.type(x), weights(5, 3, 2, 1), 1), [x], shape=(4, 3), name="depthwise")
    return b.dataflow("grouped", [y])


def spilled() -> Dataflow:
    """Weights of which some bits are in lookup tables, in odd places, and the rest in block memory."""
    made = folded()
    first = next(i for i, node in enumerate(made.nodes) if isinstance(node.op, MatVec))
    node = made.nodes[first]
    assert isinstance(node.op, MatVec)
    op = replace(node.op, memory=Memory.BLOCK, spilled=5)
    nodes = (*made.nodes[:first], replace(node, op=op), *made.nodes[first + 1 :])
    return replace(made, name="spilled", nodes=nodes)


def idle() -> Dataflow:
    """Single bits through actors that change nothing; the source itself leaves twice."""
    b = DataflowBuilder()
    x = b.source(stream((3, 2, 1), 1, Word(0, 1)), "bits")
    y = b.apply(Interleave((1,)), [x], name="alone")
    y = b.apply(Convert(), [y], lanes=1, name="same")
    y = b.apply(Reduce(1, Reduction.MAX), [y], name="itself")
    y = b.apply(Window((3, 2, 1), (1, 1)), [y], name="pixel")
    y = b.apply(Rearrange((3, 2, 1), (), depth=2), [y], name="first", shape=(1,))
    return b.dataflow("idle", [y, x, x])


def constants() -> Dataflow:
    """Lanes of one code, a single weight, an actor and a source that nobody reads."""
    b = DataflowBuilder()
    zero = b.source(stream((4,), 1, Word(0, 0)), "zero")
    minus = b.source(stream((1,), 1, Word(-1, 0)), "minus")
    b.source(stream((2,), 1, Word(0, 1)), "nobody")
    y = b.apply(dense(b.type(minus), np.array([[[-3]]]), 1), [minus], name="neuron")
    total = b.apply(Reduce(4, Reduction.SUM), [zero], name="total")
    b.apply(Convert(), [zero], lanes=4, name="unread")
    return b.dataflow("constants", [y, total])


def recurring() -> Dataflow:
    """Running differences through a loop of three cycles, and the place of the largest of each four."""
    b = DataflowBuilder()
    x = b.source(stream((8, 2), 2, [Word(-8, 7), Word(0, 3)]), "rows")

    def differ(n: NetlistBuilder, words: list[int]) -> list[int]:
        return [n.add(words[0], words[1]), n.clip(n.subtract(words[0], words[2]), -9, 6), words[1]]

    ports = {"x": [Word(-8, 7), Word(0, 3)], "state": [Word(-9, 6), Word(0, 3)]}
    step = netlist("differ", ports, differ, 2)
    state = b.apply(Recur(8, Ints([3, 1]), step), [x], name="running", shape=(8,))

    def largest(n: NetlistBuilder, words: list[int]) -> list[int]:
        kept = n.at_least(words[1], words[0])
        most, at = n.mux(kept, words[1], words[0]), n.mux(kept, words[2], words[3])
        return [at, most, at, n.clip(n.add(words[3], n.constant(1)), 0, 3)]

    ports = {"x": [Word(-8, 10)], "state": [Word(-8, 10), Word(0, 3), Word(0, 3)]}
    best = Recur(4, Ints([-8, 0, 0]), netlist("largest", ports, largest), True)
    return b.dataflow("recurring", [b.apply(best, [state], name="argmax", shape=(2,)), state])


def paired() -> Dataflow:
    """Products of two streams, two of each at a time for two units; their totals halved."""
    b = DataflowBuilder()
    x = b.source(stream((3, 6), 2, Word(-4, 3)), "rows")
    w = b.source(stream((3, 12), 4, [Word(-4, 3), Word(0, 7), Word(-1, 0), Word(-4, 3)]), "columns")

    def half(n: NetlistBuilder, words: list[int]) -> list[int]:
        return [n.shift(word, -1) for word in words]

    kernel = dot([Word(-4, 3)] * 2, Word(-4, 7), 1)
    op = Inner(3, 2, kernel, -200, 200, netlist("half", {"x": [Word(-200, 200)] * 2}, half))
    return b.dataflow("paired", [b.apply(op, [x, w], shape=(3, 2), name="products")])


def celled() -> Dataflow:
    """A recurrent cell, folded: three rows of four elements, four units by two, a state of each that counts."""
    b = DataflowBuilder()
    x = b.source(stream((3, 4), 2, Word(-4, 3)), "rows")

    def step(n: NetlistBuilder, words: list[int]) -> list[int]:
        found = [n.clip(n.shift(n.add(t, n.table(words[4], 0, [5, -3])), -3), -4, 3) for t in words[:2]]
        kept = [n.clip(n.add(old, new), -8, 7) for old, new in zip(words[2:4], found, strict=True)]
        return [*kept, *found, *kept]

    ports = {"x": [Word(-200, 200)] * 2, "state": [Word(-8, 7)] * 2, "phase": [Word(0, 1)]}
    kernel = dot([Word(-4, 3)] * 2, Word(-4, 3), 1)
    made = netlist("step", ports, step, 2)
    op = Cell(3, Ints(weights(6, 1, 8, 4)), 2, kernel, -200, 200, made, 2, Ints([1, 1, 2, 2]))
    return b.dataflow("celled", [b.apply(op, [x], shape=(3, 4), name="cell")])


def starved() -> Dataflow:
    """The sum over all words meets each word again, in turn: deadlock unless the frame fits into the short branch."""
    b = DataflowBuilder()
    x = b.source(stream((6, 2), 2, Word(-8, 7)), "words")
    total = b.apply(Reduce(6, Reduction.SUM), [x], shape=(1, 2), name="total")
    both = b.apply(Interleave((1, 6)), [total, x], shape=(7, 2), name="again")
    return b.dataflow("starved", [both])


def executed() -> Dataflow:
    """An engine between streams: words narrowed on the way in, its scores through an actor behind it."""
    graph = perceptron()
    first, last = (graph.nodes[at].name for at in (cuts(graph)[1], cuts(graph)[3]))
    made = Mix(Place(device("xc7z020")), Segment(first, last), 4)(graph)
    return replace(made, name="executed")


def searched() -> Dataflow:
    """Thresholds by halves: three sets in turn and a signed lane beside a natural one, and then a single set."""
    draw, b = np.random.default_rng(11), DataflowBuilder()
    x = b.source(stream((6, 2), 2, [Word(-40, 39), Word(0, 90)]), "x")
    signed = np.sort(draw.integers(-40, 41, (3, 1, 31)), axis=2)
    natural = np.sort(draw.integers(0, 92, (3, 1, 31)), axis=2)
    y = b.apply(Search(Ints(np.concatenate([signed, natural], axis=1)), Memory.LUT), [x], name="thirty")

    def kernel(n: NetlistBuilder, words: list[int]) -> list[int]:
        return [n.add(word, n.constant(-2)) for word in words]

    tail = netlist("tail", {"x": [Word(0, 3)] * 2}, kernel, 1)
    few = Search(Ints(np.sort(draw.integers(0, 32, (1, 2, 3)), axis=2)), tail=tail)
    return b.dataflow("searched", [b.apply(few, [y], name="three")])


PROGRAMS = (
    executed, folded, pooled, convolved, residual, joined, rearranged, grouped, spilled, idle, constants, recurring,
    paired, celled, searched,
)  # fmt: skip


def buffered(program: Dataflow, depth: int | Sequence[int] = 2, memory: Memory = Memory.LUT) -> Dataflow:
    """`program` with channels of `depth` (in turn, where there are several)."""
    depths = [depth] if isinstance(depth, int) else list(depth)
    channels = [Channel(edge, depths[i % len(depths)], memory) for i, edge in enumerate(program.edges())]
    return replace(program, channels=tuple(channels))


def codes(program: Dataflow, frames: int, seed: int = 0) -> list[IntArray]:
    """Random frames for the sources."""
    draw = np.random.default_rng(seed)
    arrays: list[IntArray] = []
    for node in program.inputs:
        low, high = (np.array([getattr(w, end) for w in node.type.lane_words()]) for end in ("low", "high"))
        arrays.append(draw.integers(low, high + 1, (frames, node.type.words, node.type.lanes)))
    return [a.reshape(frames, *node.type.shape) for a, node in zip(arrays, program.inputs, strict=True)]


class Clockwork:
    """The law of cycles read literally: cycle by cycle, every process takes its step if its conditions hold."""

    def __init__(self, program: Dataflow, frames: int) -> None:
        self.program, self.frames = program, frames
        self.channels = program.channels
        self.written: list[list[int]] = [[] for _ in program.nodes]
        self.popped: dict[int, list[int]] = {i: [] for i in range(len(self.channels))}
        self.plans: list[tuple[tuple[Process, ...], int]] = []
        for node in program.nodes:
            self.plans.append(schedule(node.op, node.type, [program.nodes[a].type for a in node.args]))
        self.steps: list[list[list[int]]] = [[[] for _ in plan[0]] for plan in self.plans]

    def run(self, limit: int = 100000) -> list[list[int]]:
        """For every output the cycles in which its words are taken, counted from the first word of a source."""
        sinks = [i for i, c in enumerate(self.channels) if c.edge.consumer == SINK]
        wanted = [self.frames * self.program.nodes[self.channels[i].edge.producer].type.words for i in sinks]
        for cycle in range(limit):
            fired = [
                (node, number)
                for node, (processes, _) in enumerate(self.plans)
                for number, process in enumerate(processes)
                if self._can(node, number, process, cycle)
            ]
            taken = [i for i in sinks if self._there(i, len(self.popped[i]), cycle)]
            for node, number in fired:
                self._fire(node, number, cycle)
            for i in taken:
                self.popped[i].append(cycle)
            if all(len(self.popped[i]) >= n for i, n in zip(sinks, wanted, strict=True)):
                return [self.popped[i][:n] for i, n in zip(sinks, wanted, strict=True)]
        raise AssertionError(f"{self.program.name}: a deadlock")

    def _there(self, channel: int, word: int, cycle: int) -> bool:
        edge, memory = self.channels[channel].edge, self.channels[channel].memory
        written = self.written[edge.producer]
        late = self.plans[edge.producer][1] + 1 + (memory is not Memory.LUT)
        return word < len(written) and written[word] + late <= cycle

    def _can(self, node: int, number: int, process: Process, cycle: int) -> bool:
        done = self.steps[node][number]
        frame, step = divmod(len(done), process.steps)
        if isinstance_source(self.program, node) and frame >= self.frames:
            return False
        for port, flags in process.reads.items():
            if flags[step]:
                channel = self._into(node, port)
                if not self._there(channel, len(self.popped[channel]), cycle):
                    return False
        if process.writes is not None and process.writes[step] and not self._room(node, cycle):
            return False
        return all(self._passed(node, wait, frame, step, cycle) for wait in process.waits)

    def _into(self, node: int, port: int) -> int:
        return next(i for i, c in enumerate(self.channels) if (c.edge.consumer, c.edge.port) == (node, port))

    def _room(self, node: int, cycle: int) -> bool:
        word = len(self.written[node])
        for i, channel in enumerate(self.channels):
            if channel.edge.producer == node and word >= channel.depth:
                gone = word - channel.depth
                if gone >= len(self.popped[i]) or self.popped[i][gone] + 1 > cycle:
                    return False
        return True

    def _passed(self, node: int, wait: Wait, frame: int, step: int, cycle: int) -> bool:
        if wait.free[step]:
            return True
        other, processes = self.steps[node][wait.process], self.plans[node][0]
        at = frame * processes[wait.process].steps + int(wait.step[step])
        if wait.delay == 0 and at == len(other):
            return self._can(node, wait.process, processes[wait.process], cycle)
        return at < 0 or (at < len(other) and other[at] + wait.delay <= cycle)

    def _fire(self, node: int, number: int, cycle: int) -> None:
        process = self.plans[node][0][number]
        step = len(self.steps[node][number]) % process.steps
        self.steps[node][number].append(cycle)
        for port, flags in process.reads.items():
            if flags[step]:
                self.popped[self._into(node, port)].append(cycle)
        if process.writes is not None and process.writes[step]:
            self.written[node].append(cycle)


def isinstance_source(program: Dataflow, node: int) -> bool:
    return not program.nodes[node].args
