"""Library modules of streams that are no fronts: channels between patterns, and a folded matrix-vector product."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bitwright.toolchain import Ports

from .stream_cases import mixed

__all__ = ["Link", "Product", "Rows"]

Bits = NDArray[np.bool_]
Rows = dict[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class Link:
    """AXI4-Stream to AXI4-Stream through a pipeline of `latency` cycles and a channel."""

    width: int
    depth: int
    block: int = 0
    latency: int = 0
    words: int = 3

    def verilog(self, name: str) -> str:
        """Source, delay, channel, sink."""
        return f"""
module {name} (
    input wire clk, input wire rst, input wire tvalid, input wire tready,
    output wire taken, output wire given, output wire tlast, output wire [{self.width - 1}:0] tdata
);
    wire s_tready, ready, take, push, late, valid, pop, m_tvalid;
    wire [{self.width - 1}:0] fed, data, delayed, head;
    feed #(.WIDTH({self.width})) u_feed (.clk(clk), .rst(rst), .pop(take), .head(fed));
    bw_source #(.WIDTH({self.width})) u_source (
        .clk(clk), .rst(rst), .s_tvalid(tvalid), .s_tready(s_tready), .s_tdata(fed),
        .ready(ready), .take(take), .push(push), .data(data)
    );
    bw_valid #(.LATENCY({self.latency})) u_flag (.clk(clk), .rst(rst), .in_valid(push), .out_valid(late));
    bw_delay #(.WIDTH({self.width}), .CYCLES({self.latency})) u_delay (.clk(clk), .data(data), .late(delayed));
    bw_channel #(.WIDTH({self.width}), .DEPTH({self.depth}), .BLOCK({self.block})) u_channel (
        .clk(clk), .rst(rst), .ready(ready), .take(take), .push(late), .data(delayed),
        .valid(valid), .head(head), .pop(pop)
    );
    bw_sink #(.WIDTH({self.width}), .WORDS({self.words})) u_sink (
        .clk(clk), .rst(rst), .valid(valid), .head(head), .pop(pop),
        .m_tvalid(m_tvalid), .m_tready(tready), .m_tdata(tdata), .m_tlast(tlast)
    );
    assign taken = tvalid & s_tready;
    assign given = m_tvalid & tready;
endmodule
"""

    @property
    def ports(self) -> Ports:
        """Of the module that `verilog` gives."""
        return Ports(
            (("rst", 1), ("tvalid", 1), ("tready", 1)),
            (("taken", 1), ("given", 1), ("tlast", 1), ("tdata", self.width)),
        )

    def handshakes(self, tvalid: Bits, tready: Bits, start: int) -> tuple[Bits, Bits]:
        """In which cycles a beat enters and in which one leaves, by the law of cycles of `schedule`."""
        taken, given = np.zeros_like(tvalid), np.zeros_like(tready)
        entered, left = list[int](), list[int]()
        late = self.latency + 1 + (self.block > 0)
        for cycle in range(start, len(tvalid)):
            # Place n is that of word n - depth, free in the cycle after that was taken.
            full = len(entered) >= self.depth and (
                len(left) <= len(entered) - self.depth or left[len(entered) - self.depth] >= cycle
            )
            there = len(left) < len(entered) and entered[len(left)] + late <= cycle
            if there and tready[cycle]:
                given[cycle] = True
                left.append(cycle)
            if tvalid[cycle] and not full:
                taken[cycle] = True
                entered.append(cycle)
        return taken, given


@dataclass(frozen=True)
class Product:
    """Vectors of `lanes` * `folds` inputs times constant matrices of `blocks` outputs, one unit."""

    lanes: int
    folds: int
    blocks: int
    groups: int
    bits: int = 4
    block: int = 0
    total: int = 14

    @property
    def memory(self) -> list[int]:
        """The words of the weights: (group, block, fold), lane 0 lowest."""
        return mixed(self.groups * self.blocks * self.folds, self.lanes * self.bits, 77)

    def contents(self) -> str:
        """What $readmemh reads."""
        return "".join(f"{word:x}\n" for word in self.memory)

    def verilog(self, name: str) -> str:
        """Front, weights, the sum of products, the accumulator."""
        width, words = self.lanes * self.bits, self.groups * self.blocks * self.folds
        product = " + ".join(
            f"($signed(x[{i}*{self.bits}+:{self.bits}]) * $signed(w[{i}*{self.bits}+:{self.bits}]))"
            for i in range(self.lanes)
        )
        return f"""
module {name} (
    input wire clk, input wire rst, input wire there, input wire free,
    output wire popped, output wire taken, output wire done, output wire [{self.total - 1}:0] total
);
    wire [{width - 1}:0] head, x, w;
    wire go, first, last;
    wire [{max(1, (words - 1).bit_length()) - 1}:0] index;
    feed #(.WIDTH({width})) u_feed (.clk(clk), .rst(rst), .pop(popped), .head(head));
    bw_vector #(.WIDTH({width}), .FOLDS({self.folds}), .BLOCKS({self.blocks}), .GROUPS({self.groups})) u_vector (
        .clk(clk), .rst(rst), .in_valid(there), .in_head(head), .in_pop(popped), .out_ready(free), .out_take(taken),
        .x(x), .go(go), .first(first), .last(last), .index(index)
    );
    bw_rom #(.WIDTH({width}), .WORDS({words}), .BLOCK({self.block}), .FILE("{name}.hex")) u_rom (
        .clk(clk), .index(index), .word(w)
    );
    wire signed [11:0] dot = {product};
    bw_accumulate #(.IN(12), .OUT({self.total})) u_total (
        .clk(clk), .rst(rst), .x(dot), .go(go), .first(first), .last(last), .total(total), .done(done)
    );
endmodule
"""

    @property
    def ports(self) -> Ports:
        """Of the module that `verilog` gives."""
        outputs = (("popped", 1), ("taken", 1), ("done", 1), ("total", self.total))
        return Ports((("rst", 1), ("there", 1), ("free", 1)), outputs)

    def totals(self, count: int) -> list[int]:
        """The first `count` sums, as the unsigned bits of `total`."""
        weights = np.array([self._lanes(w) for w in self.memory])
        weights = weights.reshape(self.groups, self.blocks, -1)
        found = [total for vector in range(-(-count // self.blocks)) for total in self._of(vector, weights)]
        return [total & ((1 << self.total) - 1) for total in found[:count]]

    def _of(self, vector: int, weights: NDArray[np.int64]) -> Iterator[int]:
        words = mixed((vector + 1) * self.folds, self.lanes * self.bits)[vector * self.folds :]
        x = np.array([self._lanes(word) for word in words]).ravel()
        return (int(total) for total in weights[vector % self.groups] @ x)

    def _lanes(self, word: int) -> list[int]:
        half, mask = 1 << (self.bits - 1), (1 << self.bits) - 1
        return [((word >> i * self.bits & mask) ^ half) - half for i in range(self.lanes)]
