"""A cocotb test of `<module>_dma`: two batches of golden frames, TLAST on the last word of each and nowhere else."""

import json
import os
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, with_timeout
from streams import Lite, Sink, Source

FOLDER = Path(os.environ["PROJECT"])
DESIGN = json.loads((FOLDER / "design.json").read_text())


def golden(stream):
    return [int(line, 16) for line in (FOLDER / f"{stream['name']}.hex").read_text().split()]


@cocotb.test()
async def batches_end_with_tlast(dut):
    cocotb.start_soon(Clock(dut.aclk, 10, "step").start())
    into, out = DESIGN["streams"]
    source = Source(dut, into["name"], dut.aclk, pause=0.3, seed=1)
    sink = Sink(dut, out["name"], dut.aclk, pause=0.3, seed=2)
    if DESIGN["control"]:
        Lite(dut, "s_axil", dut.aclk)
    dut.aresetn.value = 0
    for _ in range(10):
        await RisingEdge(dut.aclk)
    dut.aresetn.value = 1
    await RisingEdge(dut.aclk)
    frames, more = DESIGN["frames"], golden(out)
    for first, count in ((0, 2), (2, frames - 2)):
        sent = golden(into)[first * into["beats"] :][: count * into["beats"]]
        wanted = more[first * out["beats"] :][: count * out["beats"]]
        cocotb.start_soon(source.send(sent, len(sent)))
        taken = cocotb.start_soon(sink.take(len(wanted)))
        found = await with_timeout(taken, DESIGN["patience_cycles"] * 10, "step")
        assert [word for word, _ in found] == wanted
        assert [last for _, last in found] == [0] * (len(wanted) - 1) + [1]
