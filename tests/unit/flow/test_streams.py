"""Simulating streams: how long it may take to build a simulator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.stream_programs import joined

from bitwright.flow import streams
from bitwright.passes.buffer import Buffer


class Stopped(Exception):
    """Raised in place of building."""


def test_a_simulator_of_a_large_design_may_take_an_hour_to_build(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told: list[float] = []

    def build(*_: Any, timeout_s: float = 900, **options: Any) -> None:
        told.append(timeout_s)
        raise Stopped

    monkeypatch.setattr(streams, "build", build)
    with pytest.raises(Stopped):
        streams.StreamBatch([Buffer()(joined())], workdir=tmp_path)
    assert told == [3600]
