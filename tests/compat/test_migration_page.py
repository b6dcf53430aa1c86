"""What docs/from_qkeras.md says is so: its programs run, and its table names all that the door has."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import bitwright.qkeras

PAGE = Path(__file__).parents[2] / "docs/from_qkeras.md"
TEXT = PAGE.read_text()
PROGRAMS = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
NOT_NAMED = {"np", "QTools", "TagMissingError", "WrongInputQuantizerError", "map_to_json", "energy_estimate"}


def test_the_programs_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    finders = list(sys.meta_path)
    told: dict[str, Any] = {"__name__": "page"}
    try:
        for program in PROGRAMS:
            exec(compile(program, str(PAGE), "exec"), told)
        assert importlib.import_module("qkeras.qlayers").QDense is bitwright.qkeras.QDense
    finally:
        sys.meta_path[:] = finders
        for name in [name for name in sys.modules if name.partition(".")[0] == "qkeras"]:
            del sys.modules[name]
    assert (tmp_path / "build/fc/manifest.json").exists()
    assert (tmp_path / "model.keras").exists()
    assert 0 < told["energy_pj"] < 1e6


def modules() -> list[str]:
    found = pkgutil.walk_packages(bitwright.qkeras.__path__, "bitwright.qkeras.")
    return sorted(module.name for module in found)


@pytest.mark.parametrize("module", [name for name in modules() if ".qtools" not in name])
def test_every_public_name_of_the_door_stands_in_the_table(module: str) -> None:
    names = getattr(importlib.import_module(module), "__all__", [])
    missing = [n for n in names if not n.startswith("_") and n not in NOT_NAMED and f"`{n}`" not in TEXT]
    assert missing == []


def test_every_module_of_the_table_exists() -> None:
    # Modules of QKeras that the page itself says are not here.
    absent = {"qkeras.experimental.lo"}
    for name in set(re.findall(r"`(qkeras(?:\.\w+)+)`", TEXT)) - absent:
        importlib.import_module(f"bitwright.{name}")
