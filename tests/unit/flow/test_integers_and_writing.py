"""What a design leaves on disk: integers, Verilog, certificate, report, and a manifest of all of it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tests.keras_models import BIAS, KERNEL, dense, inputs_for, quantized, randomize

import bitwright as bw
from bitwright.core.errors import StorageError
from bitwright.flow.design import Design
from bitwright.flow.reporting import write_report
from bitwright.flow.writing import place
from bitwright.ir.certificate import Certificate
from bitwright.ir.graph import parse
from bitwright.ir.graph.ops import Dense, Map


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_integers_are_the_graphs_own(design: Design) -> None:
    found = design.integers()
    linear = next(n for n in design.graph.nodes if isinstance(n.op, Dense))
    assert np.array_equal(found[f"{linear.name}.weights"], linear.op.weights.array)
    assert np.array_equal(found[f"{linear.name}.bias"], linear.op.bias.array)
    assert (found[f"{linear.name}.accumulator_low"] <= found[f"{linear.name}.accumulator_high"]).all()
    maps = [n for n in design.graph.nodes if isinstance(n.op, Map)]
    assert all(f"{n.name}.rows" in found for n in maps)


def test_weights_times_their_step_are_the_models_weights(model: Any, design: Design) -> None:
    found = design.integers()
    quantizer = bw.get_quantizer(KERNEL)
    kernel = np.asarray(quantizer(model.get_layer("hidden").kernel))
    step = found["hidden.step"] / float(design.encoders[0].step)
    assert np.array_equal(found["hidden.weights"] * step, kernel)


def _every_form() -> Design:
    x = keras.Input((4, 2), name="x")
    y = quantized(x)
    y = bw.QConv1D(2, 2, kernel_quantizer=KERNEL, bias_quantizer=BIAS, name="int")(y)
    y = keras.layers.BatchNormalization()(y)
    y = bw.QActivation("quantized_tanh(4,use_real_tanh=1)", name="3tanh")(y)
    y = bw.QActivation("binary(alpha=1)", name="sign-of it")(dense(3)(y))
    return bw.compile(randomize(keras.Model(x, dense(2)(y), name="every form")))


@pytest.mark.tool("g++")
def test_the_c_header_compiles_and_holds_the_same_numbers(design: Design, tmp_path: Path) -> None:
    for number, each in enumerate((design, _every_form())):
        folder = each.write(tmp_path / str(number), vectors=0)
        header = folder / "integers" / f"{each.name}.h"
        command = ["g++", "-x", "c++", "-std=c++11", "-fsyntax-only", "-Wall", "-Wextra", "-Wno-unused-variable"]
        done = subprocess.run([*command, "-Werror", str(header)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        text = header.read_text()
        for name, values in each.integers().items():
            if values.dtype.kind == "i" and values.size:
                where = re.sub(r"_+", "_", re.sub(r"[^0-9A-Za-z]", "_", name))
                line = next(line for line in text.splitlines() if f" {where}[" in line or f" {where} " in line)
                numbers = [int(n) for n in re.findall(r"-?\d+", line.partition("=")[2])]
                assert numbers == values.ravel().tolist(), name


def test_the_npz_holds_the_integers_without_pickles(design: Design, tmp_path: Path) -> None:
    folder = design.write(tmp_path / "out", vectors=0)
    with np.load(folder / "integers" / "integers.npz", allow_pickle=False) as found:
        assert set(found.files) == set(design.integers())
        for name, values in design.integers().items():
            assert np.array_equal(found[name], values)


def test_the_manifest_names_every_file_with_its_hash(design: Design, tmp_path: Path) -> None:
    folder = design.write(tmp_path / "out")
    manifest = json.loads((folder / "manifest.json").read_text())
    files = _files(folder)
    assert set(manifest["files"]) == set(files) - {"manifest.json"}
    for name, digest in manifest["files"].items():
        assert hashlib.sha256(files[name]).hexdigest() == digest
    assert manifest["graph"] == design.graph.digest()
    assert manifest["latency_cycles"] == design.estimate().latency_cycles
    assert manifest["options"]["clock_mhz"] == 400.0
    assert {name.split("/")[0] for name in files} == {
        *("rtl", "tb", "docs", "emulator", "programs", "integers", "manifest.json")
    }


def test_the_program_on_disk_parses_back_to_the_graph(design: Design, tmp_path: Path) -> None:
    folder = design.write(tmp_path / "out", vectors=0)
    assert parse((folder / "programs" / "graph.txt").read_text()) == design.graph


def test_two_writes_are_byte_for_byte_equal(design: Design, tmp_path: Path) -> None:
    one, two = design.write(tmp_path / "one"), design.write(tmp_path / "two")
    assert _files(one) == _files(two)
    assert _files(design.write(one)) == _files(two)


def test_another_process_writes_the_same_bytes(model: Any, tmp_path: Path) -> None:
    path = tmp_path / "tiny.keras"
    model.save(path)
    here = bw.compile(path, clock_mhz=400.0).write(tmp_path / "here")
    code = "import sys, bitwright as bw; bw.compile(sys.argv[1], clock_mhz=400.0).write(sys.argv[2])"
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    subprocess.run([sys.executable, "-c", code, str(path), str(tmp_path / "there")], env=environment, check=True)
    assert _files(here) == _files(tmp_path / "there")


def test_paths_that_leave_the_folder_are_refused(design: Design, tmp_path: Path) -> None:
    emitted = design.emit()
    for name in ("../escaped.v", "rtl/../../escaped.v", "/tmp/escaped.v"):
        with pytest.raises(StorageError, match="lies outside the output folder"):
            place(replace(emitted, files={name: "module escaped; endmodule"}), tmp_path / "out")
    (tmp_path / "out").mkdir(exist_ok=True)
    (tmp_path / "out" / "rtl").symlink_to(tmp_path)
    with pytest.raises(StorageError, match="lies outside the output folder"):
        place(emitted, tmp_path / "out")
    assert not list(tmp_path.glob("*.v"))


def test_layer_names_cannot_leave_the_folder(tmp_path: Path) -> None:
    x = keras.Input((2,))
    evil = dense(2, name="a..b|c;rm -rf")
    model = randomize(keras.Model(x, evil(quantized(x)), name="..hidden $(x)"))
    folder = bw.compile(model).write(tmp_path / "out", vectors=2)
    assert all(re.fullmatch(r"[\w./]+", name) and ".." not in name for name in _files(folder))


def test_certificate_and_report_are_written_and_read_back(design: Design, model: Any, tmp_path: Path) -> None:
    certificate = design.verify(inputs_for(model), rtl=False)
    folder = design.write(tmp_path / "out")
    stored = Certificate.from_json((folder / "reports" / "certificate.json").read_text())
    assert stored == certificate
    assert stored.differences == 0
    assert {proof.layer for proof in stored.layers} >= {"entry", "hidden", "logits"}
    page = write_report(design.report(created="2026-01-01T00:00:00+00:00"), folder)
    record = json.loads((folder / "report.json").read_text())
    text = page.read_text()
    assert record["title"] == "tiny"
    assert "tiny" in text
    assert len(text) < 1_000_000
    assert not re.search(r"(?:src|href)=[\"']https?://", text)


def test_a_full_disk_is_said_and_leaves_no_part_of_a_file(
    design: Design, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match=r"No space left on device(?s:.*)try: free some space"):
        design.write(tmp_path / "out")
    assert not _files(tmp_path)


def test_a_folder_that_is_a_file_is_named(design: Design, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(StorageError, match=r"out(?s:.*)try: "):
        design.write(tmp_path / "out")
