"""`Design`: a compiled network and everything one can do with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bitwright.core.progress import Progress, Silent
from bitwright.flow.compiled import Batch
from bitwright.flow.shared import Shared

if TYPE_CHECKING:
    from bitwright.backends.verilog import Emitted
    from bitwright.flow.hls import Hls
    from bitwright.ir.certificate import Certificate
    from bitwright.toolchain import Synthesis

__all__ = ["Design"]


class Design(Shared):
    """A compiled network with its verbs; each is one call into a recipe, imported when it is called."""

    def emit(self, *, axis: bool = False, vectors: int = 0, primitives: bool = False) -> Emitted:
        """The Verilog files as text, with a self-checking bench when `vectors` > 0.

        primitives: sums of three operands as LUT6_2 and CARRY4 cells (`bw_sum.v`), for Xilinx parts.
        """
        from bitwright.flow.writing import emit

        return emit(self, axis=axis, vectors=vectors, primitives=primitives)

    def verify(
        self, x: Batch | None = None, *, rtl: bool = True, workdir: str | Path | None = None,
        float64: bool | None = None, progress: Progress | None = None, netlist: bool = True, synthesized: bool = False,
    ) -> Certificate:  # fmt: skip
        """Keras = graph = netlist = simulated RTL on `x`, random codes and corner vectors.

        netlist: False stops at the integer graph and its emulator, for networks too large to unroll.
        synthesized: also simulate what yosys maps the Verilog to for the device's family, cells and all.
        float64: also read the maps in float64 and list the codes on which it disagrees (None: with
        `rtl`). Raises `Mismatch` naming the first difference; returns the certificate otherwise.
        """
        from bitwright.flow.verification import verify

        self.certificate = verify(
            self, x, rtl=rtl, workdir=workdir, progress=progress or Silent(), float64=float64, netlist=netlist,
            synthesized=synthesized,
        )  # fmt: skip
        return self.certificate

    def prove(
        self, neurons: int | Sequence[tuple[str, int]] = 8, *, seed: int | None = None, timeout_s: float = 10.0,
        folder: str | Path | None = None, progress: Progress | None = None,
    ) -> Certificate:  # fmt: skip
        """Prove neurons of the Verilog equal to the graph for every input, by yosys's SAT solver.

        neurons: how many, drawn with `seed` (the design's own by default), or (layer, element) pairs.
        timeout_s: for each; wide sums may stay undecided. folder: the files that `write` put there. Each
        proof assumes that the numbers which the layer reads are right and within their proven ranges. Raises
        `Mismatch` with a counterexample; returns the certificate, whose `neurons` hold the verdicts.
        """
        from bitwright.flow.proofs.neurons import prove_design

        self.certificate = prove_design(
            self, neurons, seed=seed, timeout_s=timeout_s, folder=Path(folder) if folder else None,
            progress=progress or Silent(),
        )  # fmt: skip
        return self.certificate

    def synthesize(
        self, *, workdir: str | Path | None = None, timeout_s: float = 1800.0, progress: Progress | None = None,
        primitives: bool | None = None,
    ) -> Synthesis:  # fmt: skip
        """Area measured by yosys for the device's family.

        primitives: sums as cells of the part instead of `+`; None where there are such cells (Xilinx),
        since yosys does not find three-operand adders itself. The result's `note` says which it was.
        """
        from bitwright.flow.measuring import synthesize

        self.measured = synthesize(
            self, workdir=workdir, timeout_s=timeout_s, progress=progress or Silent(), primitives=primitives
        )
        return self.measured

    def write(
        self, folder: str | Path, *, axis: bool = True, vectors: int = 64, primitives: bool = False,
        emulator: bool = True, hls: Hls | str = "", projects: Sequence[str] = (),
    ) -> Path:  # fmt: skip
        """Write rtl/, tb/, emulator/, reports/ and manifest.json into `folder`; returns it.

        primitives: sums of three operands as LUT6_2 and CARRY4 cells (`bw_sum.v`), for Xilinx parts.
        emulator: the network as one C++ header, with a C interface and a loader for Python. hls: a vendor (vitis,
        vivado, catapult, intel, smarthls), or `Hls` with a strategy and reuse factors: its project goes to hls/.
        projects: tools and boards to write files for, such as "vivado" or "quartus=5CSEBA6U23I7" (with a part).
        """
        from bitwright.flow.writing import write

        return write(
            self, Path(folder), axis=axis, vectors=vectors, primitives=primitives, emulator=emulator, hls=hls,
            projects=projects,
        )  # fmt: skip

    def diff(
        self, other: Design | None = None, x: Batch | None = None, *,
        folder: str | Path | None = None, rtl: bool = False,
    ) -> str | None:  # fmt: skip
        """The first diverging tensor between this design's levels (or with `other`), in words; None if none.

        With `folder`, the files that `write` put there are compared with their manifest as well.
        rtl: simulate every layer's Verilog module alone (that of `folder`, if given).
        """
        from bitwright.flow.difference import diff

        return diff(self, other, x, Path(folder) if folder else None, rtl)
