"""The page that goes with a streaming design: its streams, lane by lane, and its actors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bitwright.backends.verilog.stream.ports import StreamPort
from bitwright.ir.dataflow import SINK, Channel, Dataflow, schedule
from bitwright.ir.dataflow.ops import Source
from bitwright.ir.netlist import Word

__all__ = ["stream_table"]


def stream_table(program: Dataflow, name: str, ports: Sequence[StreamPort]) -> str:
    """`docs/streams.md`: the words of every stream outside, the actors with their cycles, the channels' depths."""
    lines = [
        f"# Streams of {name}",
        "",
        "`aclk` is the clock (rising edge), `aresetn` a synchronous reset, active low, that clears counters and flags.",
        "TVALID, TREADY and TDATA follow AXI4-Stream; TLAST is high on the last word of a frame (on the way in frames",
        "are counted, TLAST is not looked at). The value of an element is its code times the step.",
    ]
    for port in ports:
        lines += ["", *_port(port)]
    lines += ["", "## Actors", "", "| actor | kind | steps a frame | latency of a word | words a frame |"]
    lines += ["|---|---|---|---|---|", *_actors(program)]
    lines += ["", "## Channels", "", "| from | to | depth | bits | memory |", "|---|---|---|---|---|"]
    lines += [_channel(program, channel) for channel in program.channels]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _port(port: StreamPort) -> Iterator[str]:
    shape = " x ".join(str(n) for n in port.stream.shape) or "scalar"
    yield f"## `{port.prefix}`: {port.direction}, {shape}"
    yield ""
    bits = f"{port.bits} of the {port.data_bits} bits of TDATA"
    yield f"Words of {port.stream.lanes} elements ({bits}), {port.words} a frame."
    yield ""
    yield "| lanes | bits | format | codes |"
    yield "|---|---|---|---|"
    words = port.stream.lane_words()
    first, low = 0, 0
    for lane in range(1, len(words) + 1):
        if lane == len(words) or words[lane] != words[first]:
            count, word = lane - first, words[first]
            lanes = f"{first}" if count == 1 else f"{first} to {lane - 1}"
            each = "" if count == 1 else f", {word.width} each"
            end = low + count * word.width
            yield f"| {lanes} | [{end - 1}:{low}]{each} | {_format(word)} | {word.low} to {word.high} |"
            first, low = lane, end


def _format(word: Word) -> str:
    return f"{'signed' if word.signed else 'unsigned'}, {word.width} bit{'s' if word.width > 1 else ''}"


def _actors(program: Dataflow) -> Iterator[str]:
    for node in program.nodes:
        if isinstance(node.op, Source):
            continue
        processes, latency = schedule(node.op, node.type, [program.nodes[a].type for a in node.args])
        steps = max(process.steps for process in processes)
        yield f"| `{node.name}` | {type(node.op).__name__} | {steps} | {latency} | {node.type.words} |"


def _channel(program: Dataflow, channel: Channel) -> str:
    edge, producer = channel.edge, program.nodes[channel.edge.producer]
    to = f"output {edge.port}" if edge.consumer == SINK else f"`{program.nodes[edge.consumer].name}`"
    return f"| `{producer.name}` | {to} | {channel.depth} | {producer.type.bits} | {channel.memory.value} |"
