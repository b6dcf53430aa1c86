"""Synthesis of a design by yosys."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from bitwright.core.progress import Progress
from bitwright.flow.compiled import Compiled
from bitwright.flow.writing import emit, place
from bitwright.toolchain import Synthesis
from bitwright.toolchain import synthesize as run_synthesis

__all__ = ["synthesize"]


def synthesize(design: Compiled, *, workdir: str | Path | None, timeout_s: float, progress: Progress) -> Synthesis:
    """LUTs, flip-flops, carries and DSPs that yosys counts for the plain top."""
    emitted = emit(design)
    with TemporaryDirectory(prefix="bitwright-") as scratch:
        folder = Path(workdir) if workdir else Path(scratch)
        place(emitted, folder)
        progress.step("synthesize")
        found = run_synthesis(
            [folder / s for s in emitted.sources],
            emitted.top,
            workdir=folder,
            family=design.device.fabric.family,
            timeout_s=timeout_s,
        )
        progress.done(f"{found.luts} LUT, {found.ffs} FF")
    return found
