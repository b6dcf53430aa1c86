"""`Shared`: the verbs that designs of every architecture have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from bitwright.flow.compiled import Compiled

if TYPE_CHECKING:
    from bitwright.backends.cpp.loader import Emulator
    from bitwright.report import Report
    from bitwright.toolchain.vivado import Implementation

__all__ = ["Shared"]


class Shared(Compiled):
    """What can be asked of the integers alone, whatever hardware they become."""

    def integers(self) -> Mapping[str, NDArray[Any]]:
        """Weights, biases, map parameters and accumulator ranges as integer arrays, by layer."""
        from bitwright.flow.integers import integers

        return integers(self.graph)

    def build_emulator(self, folder: str | Path | None = None, *, version: str = "") -> Emulator:
        """The C++ emulator compiled for this machine: `predict`, `predict_codes` and `run`, as fast as it gets.

        folder: where sources and library stay. version: what it says of itself. Needs a C++ compiler.
        """
        from bitwright.flow.emulators import build_emulator

        return build_emulator(self, Path(folder) if folder else None, version=version)

    def read_vivado(self, folder: str | Path, *, module: str = "") -> Implementation:
        """What Vivado made of the project in `folder` (that `write` was given), from its reports; kept as measured.

        module: which top (default: the first one that was built). Reports after routing go before those after
        synthesis. Raises `StorageError` where there are none.
        """
        from bitwright.flow.projects import vivado_folder
        from bitwright.toolchain.vivado import read_vivado

        found = read_vivado(vivado_folder(Path(folder), module))
        self.measured = found.synthesis(self.device.fabric.family)
        return found

    def report(self, **facts: Any) -> Report:
        """One record of all that is known, for HTML, JSON or the terminal."""
        from bitwright.flow.reporting import report

        return report(self, **facts)

    def headline(self) -> str:
        """What is predicted, in a line."""
        found = self.estimate()
        paces = "" if found.initiation_cycles == 1 else f", a frame every {found.initiation_cycles}"
        return (
            f"predicted on {self.options.device} at {self.clock_mhz:g} MHz: {found.luts} LUT, {found.ffs} FF,"
            f" {found.carries} CARRY, {found.dsps} DSP, {found.brams} BRAM; latency {found.latency_cycles} cycles"
            f" ({found.latency_cycles * 1000 / self.clock_mhz:.1f} ns){paces}, modelled Fmax {found.fmax_mhz:.0f} MHz"
        )
