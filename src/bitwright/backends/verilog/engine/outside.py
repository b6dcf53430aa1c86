"""External memory at an engine's edge: AXI4 ports, the fetcher, the weight memory, and what the memory holds."""

from __future__ import annotations

import numpy as np

from bitwright.backends.verilog.ports import pack_tight
from bitwright.backends.verilog.stream.layout import bus
from bitwright.backends.verilog.stream.memory import MemoryImage
from bitwright.backends.verilog.tree import (
    Assign,
    Binary,
    Expression,
    Instance,
    Item,
    Net,
    Part,
    PortDeclaration,
    Ref,
)
from bitwright.ir.engine import Engine, External, addresses
from bitwright.ir.engine.engine import Machine
from bitwright.ir.engine.external import map_bursts
from bitwright.ir.engine.ops import Fetch
from bitwright.numeric import IntArray

__all__ = ["fetcher", "image_of", "memory_ports", "sender", "weight_memory", "weight_rows"]

_ADDRESS = (("araddr", 0), ("arlen", 8), ("arsize", 3), ("arburst", 2), ("arcache", 4), ("arprot", 3), ("arvalid", 1))
_ANSWER = (("rdata", 0), ("rresp", 2), ("rlast", 1), ("rvalid", 1))
_WRITES = tuple((name.replace("ar", "aw", 1), width) for name, width in _ADDRESS)
_DATA = (("wdata", 0), ("wstrb", 0), ("wlast", 1), ("wvalid", 1))
_CONFIRMED = (("bresp", 2), ("bvalid", 1))


def weight_rows(weights: IntArray) -> IntArray:
    """Words (words, inputs, outputs) as rows: for each output the weights of all inputs, the first output lowest."""
    return weights.transpose(0, 2, 1).reshape(len(weights), -1)


def image_of(program: Engine) -> MemoryImage | None:
    """What the fetches of `program` read; None without external memory. Little-endian, a word in whole beats."""
    machine, external = program.machine, program.machine.external
    if external is None:
        return None
    words = [machine.weight] * machine.lanes**2
    size = machine.beats * external.data_bits // 8
    packed = pack_tight([weight_rows(program.weights.array)], [bus("weights", words)]).astype("<u4")
    raw = packed.view(np.uint8).reshape(len(packed), -1)[:, :size]
    rows = np.pad(raw, ((0, 0), (0, size - raw.shape[1])))
    where, runs = addresses(program), list[tuple[str, int, int]]()
    ends = [address + beats * external.data_bits // 8 for address, beats in where.values()]
    whole = -(-max(ends) // external.burst_bytes) * external.burst_bytes
    data = np.zeros(whole, np.uint8)
    for node in program.nodes:
        if isinstance(node.op, Fetch) and (address := where.pop(node.op.first, None)):
            flat = rows[node.op.first : node.op.first + node.type.words].reshape(-1)
            data[address[0] : address[0] + len(flat)] = flat
            runs.append((node.name, address[0], len(flat)))
    return MemoryImage(external, data.tobytes(), tuple(runs), map_bursts(program) * external.burst_bytes)


def memory_ports(external: External, writes: bool) -> list[PortDeclaration]:
    """An AXI4 master, the address of the image, and whether memory has answered with an error."""
    bits = {"araddr": external.address_bits, "rdata": external.data_bits, "awaddr": external.address_bits}
    bits |= {"wdata": external.data_bits, "wstrb": external.data_bits // 8}
    heads = [
        PortDeclaration("input", "wire", "base", external.address_bits, remark="byte address of the weights"),
        PortDeclaration("output", "wire", "fault", 1, remark="memory has answered with an error"),
    ]
    heads += [PortDeclaration("output", "wire", f"m_axi_{name}", bits.get(name, width)) for name, width in _ADDRESS]
    heads.append(PortDeclaration("input", "wire", "m_axi_arready", 1))
    heads += [PortDeclaration("input", "wire", f"m_axi_{name}", bits.get(name, width)) for name, width in _ANSWER]
    heads.append(PortDeclaration("output", "wire", "m_axi_rready", 1))
    if writes:
        away, back = (*_WRITES, *_DATA, ("bready", 1)), (("awready", 1), ("wready", 1), *_CONFIRMED)
        heads += [PortDeclaration("output", "wire", f"m_axi_{name}", bits.get(name, width)) for name, width in away]
        heads += [PortDeclaration("input", "wire", f"m_axi_{name}", width) for name, width in back]
    return heads


def fetcher(machine: Machine, bits: int, spills: bool) -> list[Item]:
    """The instance that fetches; `fetched` slices of a word go to `fetched_place`, features are `brought`."""
    external = machine.external
    assert external is not None
    pins = [name for name, _ in (*_ADDRESS, *_ANSWER)] + ["arready", "rready"]
    joined: list[tuple[str, Expression]] = [(n, Ref(n)) for n in ("clk", "rst", "base", "runs", "under_way", "arrived")]
    joined += [("start", Ref("fetch")), ("room", Ref("fetch_room")), ("from", Ref("weight_place"))]
    joined += [("beats", Ref("parameter_place")), ("place", Ref("write_place")), ("features", Ref("brings"))]
    joined += [("word", Ref("brought")), ("fault", Ref("read_fault" if spills else "fault"))]
    joined += [(f"m_axi_{pin}", Ref(f"m_axi_{pin}")) for pin in pins]
    joined += [("write", Ref("fetched")), ("write_place", Ref("fetched_place")), ("write_data", Ref("fetched_data"))]
    sizes = (
        ("DATA", external.data_bits), ("ADDRESS", external.address_bits), ("BURST", external.burst_beats),
        ("SLICES", machine.beats), ("PARTS", machine.feature_beats if spills else 1), ("FIELD", bits),
    )  # fmt: skip
    nets: list[Item] = [Net("wire", "fetched", machine.beats), Net("wire", "fetched_place", bits)]
    nets.append(Net("wire", "fetched_data", external.data_bits))
    nets.append(Net("wire", "brought", external.data_bits * (machine.feature_beats if spills else 1)))
    if spills:
        nets += [Net("wire", "read_fault", 1), Net("wire", "write_fault", 1)]
        nets.append(Assign(Ref("fault"), Binary("|", Ref("read_fault"), Ref("write_fault"))))
    return [*nets, Instance("bw_engine_fetch", "fetcher", tuple(joined), sizes)]


def sender(machine: Machine, bits: int) -> Instance:
    """The instance that sends words of features."""
    external = machine.external
    assert external is not None
    pins = [name for name, _ in (*_WRITES, *_DATA, *_CONFIRMED)] + ["awready", "wready", "bready"]
    joined: list[tuple[str, Expression]] = [(net, Ref(net)) for net in ("clk", "rst", "base", "runs", "send")]
    joined += [("start", Ref("sends")), ("from", Ref("weight_place")), ("beats", Ref("parameter_place"))]
    joined += [("word", Ref("features_word")), ("room", Ref("send_room")), ("busy", Ref("sending"))]
    joined += [("fault", Ref("write_fault")), *((f"m_axi_{pin}", Ref(f"m_axi_{pin}")) for pin in pins)]
    sizes = (
        ("DATA", external.data_bits), ("ADDRESS", external.address_bits), ("BURST", external.burst_beats),
        ("WIDTH", machine.lanes * machine.feature.width), ("FIELD", bits),
    )  # fmt: skip
    return Instance("bw_engine_send", "sender", tuple(joined), sizes)


def weight_memory(machine: Machine, width: int, bits: int, in_logic: int) -> list[Item]:
    """The memory that the fetcher fills; `weights` is the word read."""
    assert machine.external is not None
    joined: tuple[tuple[str, Expression], ...] = (
        ("clk", Ref("clk")), ("write", Ref("fetched")), ("write_place", Part("fetched_place", bits - 1, 0)),
        ("data", Ref("fetched_data")), ("index", Part("weight_place", bits - 1, 0)), ("word", Ref("weights")),
    )  # fmt: skip
    sizes = (
        ("WIDTH", width), ("DATA", machine.external.data_bits), ("WORDS", max(machine.buffered, 2)),
        ("BLOCK", int(machine.buffered > in_logic)),
    )  # fmt: skip
    return [Net("wire", "weights", width), Instance("bw_engine_weights", "weight_memory", joined, sizes)]
