"""The self-checking bench of a streaming design."""

from __future__ import annotations

from collections.abc import Sequence

from bitwright.backends.verilog.bench import Vectors, hex_lines
from bitwright.backends.verilog.printer import module as printed
from bitwright.backends.verilog.stream.control import control_ports
from bitwright.backends.verilog.stream.memory import MemoryImage, memory_around
from bitwright.backends.verilog.stream.ports import StreamPort
from bitwright.backends.verilog.stream.registers import NO_CONTROL, ControlMap
from bitwright.backends.verilog.tree import (
    Binary,
    Concat,
    Expression,
    Instance,
    Item,
    Literal,
    Module,
    Net,
    Ref,
    Unary,
)

__all__ = ["bench_files"]

_PINS = ("tdata", "tvalid", "tready", "tlast")


def bench_files(
    top: str, ports: Sequence[StreamPort], golden: Vectors, header: str, control: ControlMap = NO_CONTROL,
    memory: MemoryImage | None = None,
) -> dict[str, str]:  # fmt: skip
    """The module `<top>_tb` and its vectors: a line of hexadecimal digits for each beat; nobody writes memories.

    A design with external memory has a model of one beside it, with its image.
    """
    arrays = (*golden.inputs, *golden.outputs)
    files = {
        f"tb/{top}_{port.prefix}.hex": hex_lines(port.pack(codes), port.data_bits)
        for port, codes in zip(ports, arrays, strict=True)
    }
    if memory:
        files[f"tb/{top}_memory.hex"] = memory.hex_lines()
    return {f"tb/{top}_tb.v": printed(_bench(top, ports, golden.count, control, memory), header)} | files


def _bench(
    top: str, ports: Sequence[StreamPort], frames: int, control: ControlMap, memory: MemoryImage | None
) -> Module:  # fmt: skip
    name = f"{top}_tb"
    items: list[Item] = [Net("wire", "aclk", 1), Net("wire", "aresetn", 1)]
    joined: list[tuple[str, Expression]] = [("aclk", Ref("aclk")), ("aresetn", Ref("aresetn"))]
    checkers: list[Item] = []
    outputs = [port for port in ports if port.direction == "output"]
    for port in ports:
        items += [Net("wire", f"{port.prefix}_{pin}", port.data_bits if pin == "tdata" else 1) for pin in _PINS]
        pins = [(f"{port.prefix}_{pin}", Ref(f"{port.prefix}_{pin}")) for pin in _PINS]
        joined += pins
        checkers.append(_end(top, port, frames, len(checkers) + 1))
    for flag in ("done", "failed"):
        items += [Net("wire", f"{port.prefix}_{flag}", 1) for port in outputs]
    moves, failed = [_moves(port) for port in ports], [Ref(f"{port.prefix}_failed") for port in outputs]
    if memory:
        reset = Unary("~", Ref("aresetn"))
        made, pins = memory_around(memory, top, reset, Literal(1, 1), Literal(1, 1), clock="aclk")
        items += made
        joined += pins
        moves.append(Ref("m_axi_rvalid"))
        failed.append(Ref("wrong"))
    verdict: list[tuple[str, Expression]] = [
        ("aclk", Ref("aclk")),
        ("aresetn", Ref("aresetn")),
        ("done", Unary("&", Concat(tuple(Ref(f"{port.prefix}_done") for port in outputs)))),
        ("failed", Unary("|", Concat(tuple(failed)))),
        ("moves", Unary("|", Concat(tuple(moves)))),
    ]
    quiet, pins = _quiet(control)
    items += quiet
    items.append(Instance(top, "dut", tuple(joined + pins)))
    items += checkers
    items.append(Instance("bw_bench_clock", "bench", tuple(verdict), (("FRAMES", frames),)))
    return Module(name, _about(top, name), (), tuple(items))


def _quiet(control: ControlMap) -> tuple[list[Item], list[tuple[str, Expression]]]:
    """Nets that hold the control port still, and how they join it."""
    ports = control_ports(control)
    nets: list[Item] = [
        Net("wire", p.name, p.width, value=Literal(0, p.width) if p.direction == "input" else None) for p in ports
    ]
    return nets, [(p.name, Ref(p.name)) for p in ports]


def _moves(port: StreamPort) -> Expression:
    return Binary("&", Ref(f"{port.prefix}_tvalid"), Ref(f"{port.prefix}_tready"))


def _end(top: str, port: StreamPort, frames: int, seed: int) -> Instance:
    """What sends an input or checks an output."""
    joined = [(pin, Ref(f"{port.prefix}_{pin}")) for pin in _PINS]
    joined += [("aclk", Ref("aclk")), ("aresetn", Ref("aresetn"))]
    parameters = (
        ("BITS", port.data_bits),
        ("WORDS", port.words),
        ("FRAMES", frames),
        ("SEED", seed),
        ("FILE", f"{top}_{port.prefix}.hex"),
    )
    if port.direction == "input":
        return Instance("bw_bench_source", f"{port.prefix}_source", tuple(joined), parameters)
    joined += [(flag, Ref(f"{port.prefix}_{flag}")) for flag in ("done", "failed")]
    return Instance("bw_bench_sink", f"{port.prefix}_sink", tuple(joined), parameters)


def _about(top: str, bench: str) -> str:
    library = "bw_bench_*.v"
    return (
        f"Self-checking bench of {top}. Copy ../rtl/*.hex here, then:\n"
        f"    $ iverilog -g2005 -s {bench} -o {bench}.vvp ../rtl/*.v {library} {bench}.v && vvp {bench}.vvp\n"
        f"    $ verilator --binary --top-module {bench} ../rtl/*.v {library} {bench}.v && obj_dir/V{bench}\n"
        "Both ends pause at random; +pause=n behind the command says how many of 8 cycles on average (0: never)."
    )
