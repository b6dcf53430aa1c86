"""`--state-format`: recurrent layers of ONNX files on the command line, as `state_format` in Python."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.keras_models import tiny
from tests.unit.frontends.qonnx.test_recurrent import FLOATS, fine, recurrent
from typer.testing import CliRunner

from bitwright.cli import app
from bitwright.core.errors import ConfigError


@pytest.fixture(scope="module")
def gru(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a GRU of sigmoid and tanh over two steps."""
    path = tmp_path_factory.mktemp("states") / "gru.onnx"
    path.write_bytes(fine(recurrent("GRU", 2, **FLOATS)).SerializeToString())
    return path


def test_import_explains_the_cell_as_refused_without_a_format_and_unrolled_with_one(gru: Path) -> None:
    plain = CliRunner().invoke(app, ["import", str(gru), "--explain"])
    assert plain.exit_code == 0
    assert "--state-format s8.4" in " ".join(plain.output.split())
    told = CliRunner().invoke(app, ["import", str(gru), "--explain", "--state-format", "s5.2"])
    assert told.exit_code == 0
    assert "refused" in plain.output.lower()
    assert "state_format" not in told.output
    assert "Dense" in next(line for line in told.output.splitlines() if "GRU" in line)


def test_compile_rounds_the_states_to_the_format_that_is_told(gru: Path, tmp_path: Path) -> None:
    words = ["compile", str(gru), "--out", str(tmp_path), "--architecture", "parallel", "--state-format", "s5.2"]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert json.loads((tmp_path / "manifest.json").read_text())["options"]["state_format"] == "s5.2"


@pytest.mark.parametrize("verb", [["import", "--explain"], ["compile"]])
def test_a_file_that_is_no_onnx_model_takes_no_format_of_states(tmp_path: Path, verb: list[str]) -> None:
    path = tmp_path / "tiny.keras"
    tiny().save(path)
    found = CliRunner().invoke(app, [*verb, str(path), "--state-format", "s8.4"])
    assert isinstance(found.exception, ConfigError)
    assert "no ONNX file" in str(found.exception)
