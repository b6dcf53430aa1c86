"""Benches around fake Icarus programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from bitwright.core.errors import ToolFailed, ToolMissing, ToolTimeout
from bitwright.toolchain.icarus import run_bench

from .conftest import Fake

COMPILER = 'if [ "$1" = -V ]; then echo "Icarus Verilog version 11.0 (stable) ()"; exit 0; fi\n'
RUNNER = 'if [ "$1" = -V ]; then echo "Icarus Verilog runtime version 11.0 (stable) ()"; exit 0; fi\n'


def test_the_text_of_the_bench_comes_back(fake: Fake, source: Path) -> None:
    fake("iverilog", f'{COMPILER}echo "$@" > {source.parent}/words; touch bench.vvp')
    fake("vvp", f'{RUNNER}[ -f bench.vvp ] && echo "PASS 12 vectors"')
    work = source.parent / "work"
    assert run_bench([source], "top", workdir=work) == "PASS 12 vectors\n"
    assert (source.parent / "words").read_text() == "-g2005 -I. -s top -o bench.vvp top.v\n"
    assert list(work.iterdir()) == []


def test_a_bench_that_does_not_compile_is_an_error(fake: Fake, source: Path) -> None:
    fake("iverilog", f'{COMPILER}echo "top.v:3: syntax error" >&2; exit 1')
    fake("vvp", RUNNER)
    with pytest.raises(ToolFailed, match="syntax error"):
        run_bench([source], "top", workdir=source.parent / "work")


def test_a_bench_that_never_finishes_is_ended(fake: Fake, source: Path) -> None:
    fake("iverilog", COMPILER)
    fake("vvp", f"{RUNNER}sleep 60")
    with pytest.raises(ToolTimeout, match="vvp"):
        run_bench([source], "top", workdir=source.parent / "work", timeout_s=0.5)


def test_without_icarus_the_package_is_named(fake: Fake, source: Path) -> None:
    with pytest.raises(ToolMissing, match="apt install iverilog"):
        run_bench([source], "top", workdir=source.parent / "work")
