"""The C driver compiles as C99 without a warning and runs against a model of the hardware."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.project_designs import ARCHITECTURES, architecture
from tests.unit.backends.projects.test_pynq_driver import RECORD

from bitwright.backends.projects.baremetal import baremetal
from bitwright.backends.projects.interface import Block
from bitwright.core.errors import ConfigError
from bitwright.flow.projects import described, described_frames
from bitwright.flow.vectors import random_codes
from bitwright.ir.graph import run

_MOCK = Path(__file__).with_name("mock_board.c")
_STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow"]
_COMPILER = next((c for c in ("gcc", "clang") if shutil.which(c)), "")
pytestmark = pytest.mark.tool("g++")


def block_of(name: str) -> tuple[Any, Block]:
    design = architecture(name)
    if name == "parallel":
        return design, described(design, design.emit(axis=True), "about", vectors=3)
    return design, described_frames(design, design.emit(), vectors=3)


def ran(block: Block, folder: Path) -> dict[str, str]:
    """What the mock prints: the first word of a line to the rest."""
    for path, text in baremetal(block).items():
        (folder / Path(path).name).write_text(text)
    shutil.copy(_MOCK, folder)
    command = [_COMPILER, *_STRICT, "mock_board.c", "bw_network.c", "-o", "mock"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    output = subprocess.run(["./mock"], cwd=folder, capture_output=True, text=True, check=True, timeout=60).stdout
    lines = output.replace("without control", "without_control").splitlines()
    return dict(line.split(" ", 1) for line in lines)


@pytest.mark.parametrize("name", [*ARCHITECTURES, "external"])
def test_the_self_test_passes_and_every_fault_has_its_name(name: str, tmp_path: Path) -> None:
    design, block = block_of(name)
    said = ran(block, tmp_path)
    assert (said["golden"], said["caches"], said["without_control"]) == ("0", "1 1", "0")
    assert (said["flipped"], said["word"]) == ("6", "1")
    assert (said["sick"], said["mute"], said["build"], said["magic"]) == ("5", "4", "2", "1")
    assert (said["frames"], said["packed"], said["wide"]) == ("0 99", "0 1", "3")
    if name == "external":
        # Not before memory is filled; refused at no page, where there is no room, and where nothing answers.
        assert (said["before"], said["begin"]) == ("4", "3 3 1 0 1 0 7")
    golden = run(design.graph, random_codes(design.graph, 3, design.options.seed))[0]
    assert [int(code) for code in said["first"].split()] == np.ravel(golden[0]).tolist()


def test_memories_are_written_with_the_last_part(tmp_path: Path) -> None:
    said = ran(replace(block_of("dataflow")[1], registers=RECORD), tmp_path)
    assert said["reload"] == "0 11 33333333 80 6"
    assert said["refused"] == "3 3 3"


@pytest.mark.parametrize("name", ["engine", "external"])
def test_main_compiles_as_it_is(name: str, tmp_path: Path) -> None:
    for path, text in baremetal(block_of(name)[1]).items():
        (tmp_path / Path(path).name).write_text(text)
    done = subprocess.run(
        [_COMPILER, *_STRICT, "main.c", "bw_network.c", "-o", "main"], cwd=tmp_path, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_several_inputs_are_refused() -> None:
    block = block_of("dataflow")[1]
    top = block.first
    two = replace(top, doors=(top.doors[0], *top.doors))
    with pytest.raises(ConfigError, match="3 streams"):
        baremetal(replace(block, tops=(two,)))
