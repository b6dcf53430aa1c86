"""A build in stages: kept where nothing changed, redone from where something did, the same bytes after any kill."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import bitwright as bw
from bitwright.core.errors import ConfigError
from bitwright.flow import staging
from bitwright.flow.options import Options
from bitwright.flow.staging import STAGES, Build, stage_table

TOLD = {"device": "xc7z020", "clock_mhz": 100.0, "architecture": "dataflow", "initiation_cycles": 40}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a small dense network."""
    keras.utils.set_random_seed(3)
    x = entry = keras.Input((6,), name="x")
    x = bw.QActivation(bw.quantized_bits(4, 1, alpha=1), name="q")(x)
    x = bw.QDense(6, kernel_quantizer=bw.quantized_bits(3, 0, alpha=1), name="d1")(x)
    x = bw.QActivation(bw.quantized_relu(3, 1), name="a1")(x)
    x = bw.QDense(3, kernel_quantizer=bw.quantized_bits(3, 0, alpha=1), name="d2")(x)
    path = tmp_path_factory.mktemp("model") / "little.keras"
    keras.Model(entry, x, name="little").save(path)
    return path


def build(model: Path, folder: Path, **told: Any) -> Build:
    stages = {key: told.pop(key) for key in ("from_stage", "to_stage") if key in told}
    return Build(model, Options.of(TOLD | told), folder, **stages).run()


def made(found: Build) -> list[str]:
    return [stage.name for stage in found.stages if stage.made]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def whole(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    assert made(build(model, folder)) == list(STAGES[:6])
    return folder


def copied(whole: Path, folder: Path) -> Path:
    for name, data in contents(whole).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_what_is_there_is_kept_and_nothing_is_computed(
    model: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    before = contents(whole)
    monkeypatch.setattr(staging, "imported", None)
    found = build(model, whole)
    assert made(found) == []
    assert contents(whole) == before
    assert stage_table(found.stages).count("kept") == 6


@pytest.mark.parametrize("stage", range(len(STAGES[:6])))
def test_a_kill_in_any_stage_is_made_good_with_the_same_bytes(
    stage: int, model: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied(whole, tmp_path)
    for number, name in enumerate(STAGES[stage:6], stage + 1):
        (folder / f"stages/{number}_{name}.json").unlink()
    write = staging.write_atomic

    def killed(path: Path, data: bytes | str) -> Path:
        if path.name == f"{stage + 1}_{STAGES[stage]}.json":
            raise KeyboardInterrupt
        return write(path, data)

    with monkeypatch.context() as patched:
        patched.setattr(staging, "write_atomic", killed)
        with pytest.raises(KeyboardInterrupt):
            build(model, folder)
    found = build(model, folder)
    assert made(found) == list(STAGES[stage:6])
    assert contents(folder) == contents(whole)


@pytest.mark.parametrize(
    ("told", "first"),
    [
        ({"initiation_cycles": 20}, "explore"),
        ({"effort": 1}, "place"),
        ({"seed": 5}, "rtl"),
        ({"name": "other"}, "import"),
    ],
)
def test_a_changed_option_redoes_what_depends_on_it_and_all_behind_it(
    told: dict[str, Any], first: str, model: Path, whole: Path, tmp_path: Path
) -> None:
    found = build(model, copied(whole, tmp_path), **told)
    assert [stage.name for stage in found.stages if not stage.made] == list(STAGES[: STAGES.index(first)])
    fresh = build(model, tmp_path / "fresh", **told)
    assert {n: d for n, d in contents(tmp_path).items() if not n.startswith("fresh/")} == contents(tmp_path / "fresh")
    assert fresh.stages == found.stages or made(fresh) == list(STAGES[:6])


def test_a_changed_model_a_changed_file_and_a_force_are_redone(model: Path, whole: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path / "a")
    changed = next((folder / "rtl").glob("*.v"))
    changed.write_text(changed.read_text() + "// changed\n")
    assert made(build(model, folder)) == ["rtl"]
    assert contents(folder) == contents(whole)
    assert made(build(model, folder, from_stage="buffer")) == ["buffer", "rtl"]
    loaded = bw.load_model(model)
    loaded.get_layer("d2").set_weights([w + np.float32(0.25) for w in loaded.get_layer("d2").get_weights()])
    other = tmp_path / "little.keras"
    loaded.save(other)
    assert made(build(other, folder)) == list(STAGES[:6])


def test_what_is_left_over_is_removed_and_what_is_foreign_is_not(model: Path, whole: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path)
    (folder / "notes.txt").write_text("mine")
    before = set(contents(folder))
    build(model, folder, name="other")
    after = set(contents(folder))
    assert "notes.txt" in after
    assert "rtl/little.v" in before - after
    assert "rtl/other.v" in after


def test_the_design_of_a_resumed_build_is_that_of_compile(model: Path, whole: Path) -> None:
    design = bw.compile(model, folder=whole, **TOLD)
    plain = bw.compile(model, **TOLD)
    x = np.random.default_rng(0).normal(size=(8, 6)).astype(np.float32)
    assert design.program == plain.program
    assert np.array_equal(design.predict(x), plain.predict(x))
    assert design.estimate() == plain.estimate()


def test_a_last_stage_ends_the_build(model: Path, tmp_path: Path) -> None:
    found = build(model, tmp_path, to_stage="place")
    assert [stage.name for stage in found.stages] == list(STAGES[:4])
    assert not (tmp_path / "rtl").exists()
    assert json.loads((tmp_path / "stages/3_explore.json").read_text())["stage"] == "explore"


def test_stages_that_are_none_and_stages_without_a_folder_are_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="stage 'link'"):
        Build(model, Options.of(TOLD), tmp_path, to_stage="link")
    with pytest.raises(ConfigError, match="stages without a folder"):
        bw.compile(model, to_stage="rtl", **TOLD)
    with pytest.raises(ConfigError, match="no file"):
        build(tmp_path / "nobody.keras", tmp_path)


@pytest.mark.parametrize("told", [{"architecture": "parallel"}, {"architecture": "engine", "engine_lanes": 4}])
def test_every_architecture_is_taken_up_again(told: dict[str, Any], model: Path, tmp_path: Path) -> None:
    base = {"device": "xc7z020", "clock_mhz": 100.0}
    Build(model, Options.of(base | told), tmp_path, to_stage="buffer").run()
    resumed = Build(model, Options.of(base | told), tmp_path).run()
    assert made(resumed) == ["rtl"]
    fresh = tmp_path / "fresh"
    Build(model, Options.of(base | told), fresh).run()
    assert {n: d for n, d in contents(tmp_path).items() if not n.startswith("fresh/")} == contents(fresh)
