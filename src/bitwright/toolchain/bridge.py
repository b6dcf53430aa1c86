"""What every simulator build needs: the wrapper with plain port names, and the C++ driver around it.

The wrapper hides how simulators mangle names: its ports are `clk`, `i0`, `i1`, ... and `o0`, `o1`, ...
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from bitwright.core.errors import InvalidValue
from bitwright.toolchain.ports import Ports, word_count
from bitwright.toolchain.stage import storing

__all__ = ["LIBRARY", "WRAPPER", "Job", "driver_sources", "mismatch", "write_driver"]

WRAPPER = "BitwrightSimtop"
LIBRARY = "simulation.so"
_CODE = frozenset({".v", ".sv", ".vh", ".svh", ".h"})


@dataclass(frozen=True, slots=True)
class Job:
    """A simulator to be built: the sources by name, the top module and its ports."""

    contents: dict[str, bytes]
    top: str
    ports: Ports

    @property
    def data(self) -> dict[str, bytes]:
        """The sources that are no code: memory images that the Verilog reads by name."""
        return {name: content for name, content in self.contents.items() if Path(name).suffix not in _CODE}

    def with_data_in(self, folder: Path) -> Job:
        """The same job, its data written to `folder` and named by full path in the Verilog.

        Verilator reads memory images when a simulation starts, from wherever the process then is.
        """
        data = self.data
        if not data:
            return self
        contents = dict(self.contents)
        with storing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for name, content in data.items():
                # Verilator 5.006 drops the last word of an image that does not end with a newline.
                end = b"\n" if content.isascii() and not content.endswith(b"\n") else b""
                (folder / name).write_bytes(content + end)
        for source in contents.keys() - data.keys():
            for name in data:
                full = f'"{folder / name}"'.encode()
                contents[source] = contents[source].replace(f'"{name}"'.encode(), full)
        return replace(self, contents=contents)

    @property
    def wrapper(self) -> str:
        """Verilog of the module around `top`."""
        inputs = [f"  input wire [{width - 1}:0] i{k}" for k, (_, width) in enumerate(self.ports.inputs)]
        outputs = [f"  output wire [{width - 1}:0] o{k}" for k, (_, width) in enumerate(self.ports.outputs)]
        pins = [f"    .{name}(i{k})" for k, (name, _) in enumerate(self.ports.inputs)]
        pins += [f"    .{name}(o{k})" for k, (name, _) in enumerate(self.ports.outputs)]
        if self.ports.clock:
            pins.insert(0, f"    .{self.ports.clock}(clk)")
        declared = ",\n".join(["  input wire clk", *inputs, *outputs])
        connected = ",\n".join(pins)
        instance = f"  {self.top} dut (\n{connected}\n  );"
        return f"module {WRAPPER} (\n{declared}\n);\n{instance}\nendmodule\n"

    @property
    def header(self) -> str:
        """C++ header `ports.h`: the ports of the wrapper as lists of macro calls."""
        inputs = [f"P({k}, i{k}, {word_count(width)})" for k, (_, width) in enumerate(self.ports.inputs)]
        outputs = [f"P({k}, o{k}, {word_count(width)})" for k, (_, width) in enumerate(self.ports.outputs)]
        return f"#define INPUTS(P) {' '.join(inputs)}\n#define OUTPUTS(P) {' '.join(outputs)}\n"


def driver_sources(simulator: str) -> dict[str, str]:
    """The static C++ files for `simulator`: name in the build folder to text."""
    folder = resources.files("bitwright.toolchain") / "drivers"
    return {
        "driver.cc": (folder / "driver.cc").read_text(),
        "model.h": (folder / f"{simulator}.h").read_text(),
    }


def write_driver(job: Job, simulator: str, folder: Path) -> None:
    """Write the wrapper (`BitwrightSimtop.v`), `ports.h` and the driver into `folder`."""
    texts = {f"{WRAPPER}.v": job.wrapper, "ports.h": job.header, **driver_sources(simulator)}
    with storing(folder):
        for name, text in texts.items():
            (folder / name).write_text(text)


def mismatch(job: Job, fact: str) -> InvalidValue:
    """The error for declared ports that are not the module's."""
    return InvalidValue(
        "the ports are not those that were declared",
        where=f"module {job.top!r}",
        why=fact.strip(),
        remedy="declare in Ports every port of the Verilog module with its width",
    )
