"""`bitwright build`: what reaches the recipe, and what is said of its result."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from bitwright.cli import app
from bitwright.core.errors import ConfigError
from bitwright.flow import bitstreams


def test_build_hands_model_board_and_options_on_and_names_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[Any] = []

    def build_model(*given: Any, **told: Any) -> Any:
        seen.append((given, told))
        return SimpleNamespace(headline=lambda: "iCEBreaker: 9 LUT", name="net.bin")

    monkeypatch.setattr(bitstreams, "build_model", build_model)
    words = ["build", "net.keras", "--board", "icebreaker", "--out", str(tmp_path), "--seeds", "2", "--vectors", "0"]
    result = CliRunner().invoke(app, [*words, "--clock-mhz", "18", "--baud", "115200"])
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == ["iCEBreaker: 9 LUT", str(tmp_path / "net.bin")]
    ((given, told),) = seen
    assert given == (Path("net.keras"), "icebreaker", tmp_path)
    assert (told["options"], list(told["seeds"])) == ({"clock_mhz": 18.0}, [1, 2])
    assert (told["link"], told["baud"], told["vectors"]) == ("uart", 115_200, 0)
    assert CliRunner().invoke(app, [*words, "--link", "spi"]).exit_code == 0
    assert seen[-1][1]["link"] == "spi"


def test_the_device_of_a_configuration_file_must_be_that_of_the_board(tmp_path: Path) -> None:
    (tmp_path / "options.toml").write_text('device = "xcvu9p"\nseed = 4\n')
    words = ["build", "net.keras", "--board", "ulx3s", "--config", str(tmp_path / "options.toml")]
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, ConfigError)
    assert "'xcvu9p' with board ulx3s, which has lfe5u-85" in str(result.exception)
