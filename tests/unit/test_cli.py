"""The command line: every verb, its help, its errors, its exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tests.keras_models import inputs_for, tiny

import bitwright
from bitwright import cli

VERBS = (
    "demo", "doctor", "compile", "verify", "synth", "estimate", "report", "search", "explore", "diff", "import",
    "export", "build",
)  # fmt: skip


@dataclass
class Ran:
    status: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("verb", ...)`: what `bitwright verb ...` prints and with which status it ends."""

    def call(*words: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["bitwright", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return Ran(int(ended.value.code or 0), printed.out, printed.err)

    return call


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tiny.keras, other.keras (one weight differs), x.npy, x.npz."""
    place = tmp_path_factory.mktemp("models")
    model = tiny()
    model.save(place / "tiny.keras")
    (x,) = inputs_for(model, 20)
    np.save(place / "x.npy", x)
    np.savez(place / "x.npz", x_test=x)
    kernel, bias = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([-kernel, bias])
    model.save(place / "other.keras")
    return place


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(run: Run, verb: str) -> None:
    found = run(verb, "--help")
    assert found.status == 0
    assert f"bitwright {verb}" in found.out
    for told in cli.app.registered_commands:
        if (told.name or told.callback.__name__) == verb:  # type: ignore[union-attr]
            assert (told.callback.__doc__ or "").split()[0] in found.out  # type: ignore[union-attr]


def test_the_verbs_are_these(run: Run) -> None:
    found = run("--help")
    assert found.status == 0
    names = {told.name or told.callback.__name__ for told in cli.app.registered_commands}  # type: ignore[union-attr]
    assert names == set(VERBS)
    assert all(verb in found.out for verb in VERBS)


def test_the_version_is_the_packages(run: Run) -> None:
    found = run("--version")
    assert (found.status, found.out.strip()) == (0, bitwright.__version__)


def test_doctor_tells_of_each_tool_what_it_adds(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITWRIGHT_YOSYS", "none")
    found = run("doctor")
    assert found.status == 0
    assert "python" in found.out
    lines = found.out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("--  yosys "))
    assert "missing" in lines[at]
    assert lines[at + 1].strip().startswith("try: ")


def test_compile_writes_the_design(run: Run, folder: Path, tmp_path: Path) -> None:
    found = run("compile", folder / "tiny.keras", "--out", tmp_path / "out", "--clock-mhz", 300, "--device", "xcvu9p")
    assert found.status == 0, found.err
    assert "predicted on xcvu9p at 300 MHz" in found.out
    assert (tmp_path / "out" / "rtl" / "tiny.v").exists()
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["options"]["clock_mhz"] == 300.0


def test_compile_writes_hls_too_and_so_does_a_build_in_stages(run: Run, folder: Path, tmp_path: Path) -> None:
    told = ("--hls", "catapult=asic", "--strategy", "resource", "--reuse-factor", "logits=4")
    for place, words in (("whole", ()), ("staged", ("--resume",))):
        found = run("compile", folder / "tiny.keras", "--out", tmp_path / place, *told, *words)
        assert found.status == 0, found.err
        record = json.loads((tmp_path / place / "manifest.json").read_text())["hls"]
        assert (record["vendor"], record["part"], record["strategy"]) == ("catapult", "asic", "resource")
        assert record["reuse_factor"] == {"logits": 4}
        assert "for (" in (tmp_path / place / "hls" / "tiny.cpp").read_text()
    plain = run("compile", folder / "tiny.keras", "--out", tmp_path / "staged", "--resume", "--hls", "vitis")
    assert plain.status == 0, plain.err
    assert "ap_int.h" in (tmp_path / "staged" / "hls" / "tiny.h").read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--hls", "vitiss"), "did you mean vitis?"),
        (("--strategy", "resource"), "--hls vitis"),
        (("--loadable",), "--hls vitis"),
        (("--hls", "vitis", "--strategy", "fast"), "unknown HLS strategy 'fast'"),
        (("--hls", "vitis", "--reuse-factor", "many"), "reuse factor 'many'"),
        (("--hls", "vitis", "--reuse-factor", "4", "--reuse-factor", "logits=2"), "reuse factor '4 logits=2'"),
    ],
)
def test_compile_refuses_hls_options_that_say_nothing(run: Run, words: tuple[str, ...], told: str) -> None:
    found = run("compile", "nothing.keras", *words)
    assert found.status == 1
    assert told in found.err


def test_explore_refuses_options_that_its_kind_of_answer_would_ignore(run: Run, folder: Path, tmp_path: Path) -> None:
    alone = run("explore", folder / "tiny.keras", "--narrower", "4")
    assert alone.status == 1
    assert "--front" in alone.err
    written = run("explore", folder / "tiny.keras", "--front", "--out", tmp_path / "plan")
    assert written.status == 1
    assert "--out" in written.err


def test_explore_prints_the_plan_and_writes_its_page(run: Run, folder: Path, tmp_path: Path) -> None:
    told = ("--devices", "xc7z020", "--clock-mhz", 100, "--target-fps", 1e6, "--report", tmp_path / "page")
    found = run("explore", folder / "tiny.keras", *told)
    assert found.status == 0, found.err
    assert "xc7z020 at 100 MHz" in found.out
    assert found.out.splitlines()[-1] == str(tmp_path / "page" / "report.html")
    command = f"bitwright explore {folder / 'tiny.keras'} --devices xc7z020 --clock-mhz 100 --target-fps 1e+06"
    record = json.loads((tmp_path / "page" / "report.json").read_text())
    assert record["commands"] == [f"{command} --report {tmp_path / 'page'}"]


def test_estimate_prints_area_and_latency(run: Run, folder: Path) -> None:
    found = run("estimate", folder / "tiny.keras")
    assert found.status == 0, found.err
    assert all(word in found.out for word in ("LUT", "FF", "CARRY", "DSP", "cycles", "Fmax"))


def test_estimate_prints_energies_by_layer_when_asked(run: Run, folder: Path) -> None:
    found = run("estimate", folder / "tiny.keras", "--energy")
    assert found.status == 0, found.err
    names, totals = [line.split()[0] for line in found.out.splitlines()[1:]], found.out.splitlines()[-1].split()
    assert (names[0], names[-1]) == ("layer", "total")
    assert float(totals[1]) > 0


@pytest.mark.parametrize("data", ["x.npy", "x.npz"])
def test_verify_prints_every_comparison_and_writes_the_certificate(
    run: Run, folder: Path, tmp_path: Path, data: str
) -> None:
    out = tmp_path / "certificate.json"
    found = run("verify", folder / "tiny.keras", "--no-rtl", "--data", folder / data, "--out", out)
    assert found.status == 0, found.err
    assert "Keras = graph: 0 differing codes on 20 data vectors" in found.out
    assert json.loads(out.read_text())["name"] == "tiny"
    assert "compare on 20 data vectors" in found.err


@pytest.mark.tool("yosys")
def test_verify_may_stop_before_the_netlist(run: Run, folder: Path) -> None:
    found = run("verify", folder / "tiny.keras", "--no-netlist")
    assert found.status == 0
    assert "built graph = emulator: 0 differing codes" in found.out
    assert "netlist" not in found.out


def test_import_writes_a_keras_file(run: Run, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "made.keras"
    found = run("import", folder / "tiny.keras", "-o", target)
    assert (found.status, target.exists()) == (0, True)
    assert found.out.startswith(f"{target}: ")
    assert found.out.rstrip().endswith("weights")


def test_synth_shows_predicted_beside_measured(run: Run, folder: Path) -> None:
    found = run("synth", folder / "tiny.keras")
    assert found.status == 0, found.err
    assert "LUT" in found.out


@pytest.mark.tool("verilator", "g++")
def test_report_writes_page_and_record(run: Run, folder: Path, tmp_path: Path) -> None:
    found = run("report", folder / "tiny.keras", "--no-synthesize", "--out", tmp_path / "out")
    assert found.status == 0, found.err
    record = json.loads((tmp_path / "out" / "report.json").read_text())
    assert any("RTL" in row["after"] for row in record["verification"])
    assert (tmp_path / "out" / "report.html").read_text().lstrip().lower().startswith("<!doctype html>")


def test_diff_ends_with_one_where_something_differs(run: Run, folder: Path) -> None:
    same = run("diff", folder / "tiny.keras")
    assert (same.status, same.out.strip()) == (0, "no difference")
    both = run("diff", folder / "tiny.keras", folder / "tiny.keras", "--data", folder / "x.npy")
    assert both.status == 0
    other = run("diff", folder / "tiny.keras", folder / "other.keras")
    assert other.status == 1
    assert other.out.startswith("tensor 'logits' of layer 'logits', sample ")


def test_diff_names_a_file_that_was_changed(run: Run, folder: Path, tmp_path: Path) -> None:
    run("compile", folder / "tiny.keras", "--out", tmp_path / "out")
    assert run("diff", folder / "tiny.keras", "--built", tmp_path / "out").status == 0
    file = tmp_path / "out" / "rtl" / "tiny.v"
    file.write_text(file.read_text() + "\n")
    found = run("diff", folder / "tiny.keras", "--built", tmp_path / "out")
    assert found.status == 1
    assert "rtl/tiny.v was changed" in found.out


def test_a_configuration_file_is_read_and_the_command_line_wins(run: Run, folder: Path, tmp_path: Path) -> None:
    config = tmp_path / "options.toml"
    config.write_text('clock_mhz = 250.0\nname = "renamed"\nseed = 9\n')
    run("compile", folder / "tiny.keras", "--out", tmp_path / "a", "--config", config)
    told = json.loads((tmp_path / "a" / "manifest.json").read_text())["options"]
    assert (told["clock_mhz"], told["name"], told["seed"]) == (250.0, "renamed", 9)
    run("compile", folder / "tiny.keras", "--out", tmp_path / "b", "--config", config, "--clock-mhz", 100, "--seed", 3)
    told = json.loads((tmp_path / "b" / "manifest.json").read_text())["options"]
    assert (told["clock_mhz"], told["name"], told["seed"]) == (100.0, "renamed", 3)


def _model(folder: Path) -> Path:
    return folder / "tiny.keras"


ERRORS: dict[str, Callable[[Path, Path], tuple[object, ...]]] = {
    "no such file": lambda models, tmp: ("compile", tmp / "gone.keras"),
    "no ONNX file": lambda models, tmp: ("estimate", _touched(tmp / "old.onnx")),
    "unknown device 'xcvu9'": lambda models, tmp: ("estimate", _model(models), "--device", "xcvu9"),
    "option clock_mhz": lambda models, tmp: ("estimate", _model(models), "--clock-mhz", "-3"),
    "unknown option 'clok_mhz'": lambda models, tmp: ("estimate", _model(models), "--config", _config(tmp)),
    "'q8' is no format": lambda models, tmp: ("estimate", _model(models), "--output-format", "q8"),
    "no numpy array": lambda models, tmp: ("verify", _model(models), "--no-rtl", "--data", _touched(tmp / "x.npy")),
    "holds ['other']": lambda models, tmp: ("verify", _model(models), "--no-rtl", "--data", _other(tmp)),
    "instead of (3,)": lambda models, tmp: ("verify", _model(models), "--no-rtl", "--data", _short(tmp)),
    "no folder of a design": lambda models, tmp: ("diff", _model(models), "--built", tmp),
    "cannot write": lambda models, tmp: ("compile", _model(models), "--out", _touched(tmp / "file") / "out"),
    "nowhere": lambda models, tmp: ("demo", "--data", tmp / "nowhere", "--out", tmp / "out"),
}


def _touched(path: Path) -> Path:
    path.write_text("nothing")
    return path


def _config(folder: Path) -> Path:
    path = folder / "c.toml"
    path.write_text("clok_mhz = 1.0\n")
    return path


def _other(folder: Path) -> Path:
    np.savez(folder / "o.npz", other=np.zeros(3))
    return folder / "o.npz"


def _short(folder: Path) -> Path:
    np.save(folder / "s.npy", np.zeros((5, 2), np.float32))
    return folder / "s.npy"


@pytest.mark.parametrize("what", ERRORS)
def test_errors_end_with_what_to_try_and_status_one(run: Run, folder: Path, tmp_path: Path, what: str) -> None:
    found = run(*ERRORS[what](folder, tmp_path))
    assert found.status == 1
    assert found.err.startswith("error: ") or "\nerror: " in found.err
    assert what in found.err
    assert found.err.strip().splitlines()[-1].startswith("try: ")
    assert "Traceback" not in found.err


def test_an_unknown_verb_or_flag_ends_with_two(run: Run) -> None:
    assert run("frobnicate").status == 2
    assert run("compile", "x.keras", "--frobnicate").status == 2


def test_an_interruption_is_no_traceback(run: Run, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bitwright.flow.compiling.compile_model", interrupted)
    found = run("estimate", folder / "tiny.keras")
    assert found.status in (1, 130)
    assert "Traceback" not in found.err


def _python(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONSTARTUP"}
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False, env=environment)


def test_the_module_runs_as_a_program() -> None:
    found = _python("-m", "bitwright", "--version")
    assert (found.returncode, found.stdout.strip()) == (0, bitwright.__version__)
    failed = _python("-m", "bitwright", "estimate", "gone.keras")
    assert failed.returncode == 1
    assert "try: " in failed.stderr


HEAVY = ("keras", "jax", "tensorflow", "torch", "onnx", "numpy", "rich.progress", "jinja2")


@pytest.mark.parametrize("code", ["import bitwright", "import bitwright.cli", "import bitwright; dir(bitwright)"])
def test_importing_loads_no_framework(code: str) -> None:
    found = _python("-c", f"{code}; import sys; print([m for m in {HEAVY!r} if m in sys.modules])")
    assert found.stdout.strip() == "[]", found.stderr


def test_help_loads_no_framework() -> None:
    code = (
        "import sys; sys.argv = ['bitwright', '--help']\n"
        "from bitwright.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    assert _python("-c", code).stdout.strip().endswith("[]")


def test_every_public_name_resolves_and_nothing_else() -> None:
    for name in bitwright.__all__:
        assert getattr(bitwright, name) is not None
    assert set(dir(bitwright)) == set(bitwright.__all__)
    with pytest.raises(AttributeError, match="no attribute 'frobnicate'"):
        bitwright.frobnicate  # noqa: B018
    from bitwright import flow, layers, quantizers

    for module in (flow, layers, quantizers):
        assert all(getattr(module, name) is not None for name in module.__all__)
