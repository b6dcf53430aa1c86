"""Synthesis of a design by yosys."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bitwright.core.progress import Progress
from bitwright.flow.compiled import Compiled
from bitwright.flow.writing import emit, place
from bitwright.toolchain import Synthesis, has_sum_cells
from bitwright.toolchain import synthesize as run_synthesis

__all__ = ["synthesize"]


def synthesize(
    design: Compiled, *, workdir: str | Path | None, timeout_s: float, progress: Progress,
    primitives: bool | None = None,
) -> Synthesis:  # fmt: skip
    """LUTs, flip-flops, carries and DSPs that yosys counts for the plain top; see `Design.synthesize`."""
    family = design.device.fabric.family
    placed = has_sum_cells(family) if primitives is None else primitives
    emitted = emit(design, primitives=placed)
    with TemporaryDirectory(prefix="bitwright-") as scratch:
        folder = Path(workdir) if workdir else Path(scratch)
        place(emitted, folder)
        progress.step("synthesize")
        sources = [folder / s for s in emitted.sources]
        found = run_synthesis(sources, emitted.top, workdir=folder, family=family, timeout_s=timeout_s)
        progress.done(f"{found.luts} LUT, {found.ffs} FF")
    cells = any(Path(name).stem == "bw_sum" for name in emitted.sources)
    return replace(found, note="sums placed as LUT6_2 and CARRY4 (bw_sum)") if cells else found
