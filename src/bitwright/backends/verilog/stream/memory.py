"""A memory beside the chip: what it holds, and its model around a design."""

from __future__ import annotations

from dataclasses import dataclass

from bitwright.backends.verilog.tree import Binary, Expression, Instance, Item, Literal, Net, Ref
from bitwright.ir.engine import External

__all__ = ["MEMORY", "MemoryImage", "memory_around"]

MEMORY = "bw_bench_memory"
"""The library's model of a memory."""


@dataclass(frozen=True, slots=True)
class MemoryImage:
    """What external memory holds from its base on, and where: `runs` (name, byte address, bytes). Little-endian.

    Behind it `maps` bytes are written and read while the design runs.
    """

    external: External
    data: bytes
    runs: tuple[tuple[str, int, int], ...]
    maps: int = 0

    @property
    def beats(self) -> int:
        """Beats of the whole image and what is behind it."""
        return (len(self.data) + self.maps) * 8 // self.external.data_bits

    def hex_lines(self) -> str:
        """A line for each beat, as `$readmemh` reads it."""
        size = self.external.data_bits // 8
        rows = (self.data[at : at + size][::-1].hex() for at in range(0, len(self.data), size))
        return "\n".join(rows) + "\n"


_READ = ("araddr", "arlen", "arvalid", "arready", "rdata", "rresp", "rlast", "rvalid", "rready")
_CONSTANT = (("arsize", 3), ("arburst", 2), ("arcache", 4), ("arprot", 3))
_WRITE = (
    "awaddr", "awlen", "awvalid", "awready", "wdata", "wlast", "wvalid", "wready", "bresp", "bvalid", "bready",
)  # fmt: skip
_CONSTANT_WRITE = (*((name.replace("ar", "aw", 1), width) for name, width in _CONSTANT), ("wstrb", 0))


def memory_around(
    image: MemoryImage, top: str, reset: Expression, accepts: Expression, answers: Expression,
    clock: str = "clk",
) -> tuple[list[Item], list[tuple[str, Expression]]]:
    """The model with the image of `top`, and the pins of `top` that join it; the net `wrong` tells of any mistake."""
    told = image.external
    bits = {"araddr": told.address_bits, "arlen": 8, "rdata": told.data_bits, "rresp": 2}
    bits |= {"awaddr": told.address_bits, "awlen": 8, "wdata": told.data_bits, "bresp": 2, "wstrb": told.data_bits // 8}
    live = (*_READ, *(_WRITE if image.maps else ()))
    fixed = dict((*_CONSTANT, *(_CONSTANT_WRITE if image.maps else ())))
    nets: list[Item] = [Net("wire", f"m_axi_{pin}", bits.get(pin, 1)) for pin in live]
    nets += [Net("wire", f"m_axi_{pin}", bits.get(pin, width)) for pin, width in fixed.items()]
    nets += [Net("wire", "fault", 1), Net("wire", "outside", 1)]
    nets.append(Net("wire", "wrong", 1, value=Binary("|", Ref("outside"), Ref("fault"))))
    joined: list[tuple[str, Expression]] = [
        (f"m_axi_{pin}", Ref(f"m_axi_{pin}")) for pin in (*live, *fixed)
    ]
    joined += [("base", Literal(0, told.address_bits)), ("fault", Ref("fault"))]
    pins: list[tuple[str, Expression]] = [("clk", Ref(clock)), ("rst", reset)]
    pins += [("accepts", accepts), ("answers", answers), ("wrong", Ref("outside"))]
    pins += [(pin, Ref(f"m_axi_{pin}")) for pin in live]
    if not image.maps:
        # Nobody writes.
        still = ("awaddr", "awlen", "awvalid", "wdata", "wlast", "wvalid")
        pins += [(pin, Literal(0, bits.get(pin, 1))) for pin in still]
        pins.append(("bready", Literal(1, 1)))
    sizes = (
        ("DATA", told.data_bits), ("ADDRESS", told.address_bits), ("BEATS", image.beats),
        ("OUTSTANDING", told.outstanding), ("LATENCY", told.latency_cycles), ("INTERVAL", told.beat_cycles),
        ("FILE", f"{top}_memory.hex"),
    )  # fmt: skip
    return [*nets, Instance(MEMORY, "memory", tuple(pins), sizes)], joined
