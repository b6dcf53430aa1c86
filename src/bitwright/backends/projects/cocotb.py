"""A cocotb bench: AXI4-Stream sources and sinks with random pauses around the design, golden frames through it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bitwright.backends.projects.interface import Block, Top
from bitwright.backends.projects.tcl import library

__all__ = ["cocotb"]

_PAUSES = 20
"""How many times longer than always ready a frame may take under pauses."""


def cocotb(block: Block, part: str = "") -> dict[str, str]:
    """`projects/cocotb/`: `make`, or `make SIM=verilator`, with cocotb installed."""
    top, folder = block.streaming, "projects/cocotb"
    files = {
        "test_frames.py": library("cocotb_test_frames.py.in"),
        "streams.py": library("cocotb_streams.py.in"),
        "design.json": _record(block, top),
        "Makefile": _makefile(block, top),
    }
    files |= {f"{name}.hex": text for name, text in block.golden.items()}
    if block.outside is not None:
        files["memory.hex"] = block.outside.lines
    return {f"{folder}/{name}": text for name, text in files.items()}


def _record(block: Block, top: Top) -> str:
    words = sum(door.beats for door in top.doors) * block.frames
    cycles = top.latency_cycles + block.frames * top.initiation_cycles + words
    record = {
        "module": top.module,
        "frames": block.frames,
        "patience_cycles": 1000 + _PAUSES * cycles,
        "streams": [{"name": door.name, "direction": door.direction, "beats": door.beats} for door in top.doors],
        "control": top.control_bits > 0,
        "outside_bits": block.outside.data_bits if block.outside else 0,
        "memories": [_memory(memory, block.memories[memory["name"]]) for memory in block.registers.get("memories", ())],
    }
    return json.dumps(record, indent=1) + "\n"


def _memory(told: Mapping[str, Any], words: Sequence[int]) -> dict[str, Any]:
    return {key: told[key] for key in ("name", "offset", "bits", "stride")} | {"words": list(words)}


def _makefile(block: Block, top: Top) -> str:
    sources = "".join(f" \\\n  $(ROOT)/{path}" for path in top.sources)
    images = "".join(f" \\\n  $(ROOT)/{path}" for path in top.images)
    return f"""# {block.about}
# make, or make SIM=verilator; cocotb 2 calls two of these variables by other names.
SIM ?= icarus
TOPLEVEL_LANG := verilog
HERE := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
ROOT := $(abspath $(HERE)/../..)
VERILOG_SOURCES :={sources}
IMAGES :={images or " # none"}
TOPLEVEL := {top.module}
COCOTB_TOPLEVEL := $(TOPLEVEL)
MODULE := test_frames
COCOTB_TEST_MODULES := $(MODULE)
ifeq ($(SIM),icarus)
COMPILE_ARGS += -g2005
else ifeq ($(SIM),verilator)
EXTRA_ARGS += -Wno-fatal
endif
export PYTHONPATH := $(HERE):$(PYTHONPATH)
# Verilog reads memory contents by bare name, from where the simulation runs.
$(if $(strip $(IMAGES)),$(shell cp -f $(IMAGES) .))
RULES := $(shell cocotb-config --makefiles 2>/dev/null)
ifeq ($(RULES),)
$(error cocotb is not on the PATH: pip install cocotb)
endif
include $(RULES)/Makefile.sim
"""
