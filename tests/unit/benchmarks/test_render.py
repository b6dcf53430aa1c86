"""The benchmark page says what the JSON files say, and nothing more."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).parents[3] / "benchmarks" / "render.py"


@pytest.fixture(scope="module")
def page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("render_under_test", SOURCE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def result(**change: object) -> dict[str, object]:
    claim = {"claim": "emulator is fast", "value": 6.5e6, "bound": 5e6, "holds": True}
    rows = [{"model": "jets", "samples/s": 6500000.25}, {"model": "a|b", "peer": 12345}]
    return {"rows": rows, "claims": [claim], "versions": {"numpy": "2"}} | change


def test_rows_of_different_columns_share_one_table(page: ModuleType) -> None:
    text = page.render({"emulator": result()})
    assert "| model | samples/s | peer |" in text
    assert "| a\\|b |  | 12,345 |" in text


def test_a_claim_that_does_not_hold_stays_on_the_page(page: ModuleType) -> None:
    broken = {"claim": "small", "value": 3, "bound": 2, "holds": False}
    assert "| [x](#x) | small | 3 | 2 | **no** |" in page.render({"x": result(claims=[broken])})


def test_the_page_is_written_from_every_file(page: ModuleType, tmp_path: Path) -> None:
    for name in ("one", "two_parts"):
        (tmp_path / f"{name}.json").write_text(json.dumps(result()))
    assert page.main(["--results", str(tmp_path), "--out", str(tmp_path / "page.md")]) == 0
    text = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "## one" in text
    assert "## two parts" in text


def test_a_file_without_claims_is_refused_by_name(page: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text('{"rows": []}')
    with pytest.raises(SystemExit, match=r"old\.json: no claims, versions"):
        page.main(["--results", str(tmp_path), "--out", str(tmp_path / "page.md")])


def test_pictures_stand_with_the_benchmark_whose_name_they_begin_with(page: ModuleType, tmp_path: Path) -> None:
    for name in ("one", "one_more"):
        (tmp_path / f"{name}.json").write_text(json.dumps(result()))
    for name in ("one_fronts", "one_more_fronts", "other_fronts"):
        (tmp_path / f"{name}.svg").write_text("<svg/>")
    page.main(["--results", str(tmp_path), "--out", str(tmp_path / "page.md")])
    first, second = (tmp_path / "page.md").read_text(encoding="utf-8").split("## one more")
    assert f"![one fronts]({tmp_path.name}/one_fronts.svg)" in first
    assert f"![one more fronts]({tmp_path.name}/one_more_fronts.svg)" in second
    assert "other" not in first + second
