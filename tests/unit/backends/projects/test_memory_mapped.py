"""What stands between a network and DMA: TLAST at the end of a batch, words of whole powers of two bytes."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from bitwright.backends.projects import Door
from bitwright.backends.projects.memory_mapped import beat_bytes
from bitwright.core.errors import ConfigError
from bitwright.toolchain import run_bench


@pytest.mark.tool("iverilog")
def test_a_frames_last_word_waits_for_its_input_and_tlast_ends_a_batch(tmp_path: Path) -> None:
    source = tmp_path / "bw_batch.v"
    source.write_text((resources.files("bitwright.backends.projects") / "library" / "bw_batch.v").read_text())
    bench = Path(__file__).with_name("bw_batch_tb.v")
    assert run_bench([source, bench], "bw_batch_tb", workdir=tmp_path).strip() == "PASS"


@pytest.mark.parametrize(("bits", "size"), [(8, 1), (16, 2), (24, 4), (40, 8), (520, 128), (1024, 128)])
def test_words_in_memory_take_a_power_of_two_bytes(bits: int, size: int) -> None:
    assert beat_bytes(Door("s_axis", "input", bits, 1, ())) == size


def test_words_that_dma_does_not_move_are_refused() -> None:
    with pytest.raises(ConfigError, match="words of 1032 bits"):
        beat_bytes(Door("s_axis", "input", 1032, 1, ()))
