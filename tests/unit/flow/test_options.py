"""One schema of options, from keywords or files; mistakes are named with the nearest right word."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import bitwright as bw
from bitwright.core.errors import ConfigError
from bitwright.flow.options import Options, read_options


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown option 'clock'\ntry: did you mean clock_mhz\?"):
        Options.of({"clock": 200})
    with pytest.raises(ConfigError, match="did you mean device, clock_mhz"):
        Options.of({"zzz": 1})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("clock_mhz", "200"), ("device", 7), ("valid", 1), ("seed", 1.5), ("seed", True), ("name", None),
        ("input_format", 8),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_with_its_key(key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=key):
        Options.of({key: value})


@pytest.mark.parametrize("clock_mhz", [0, -5, 1e9, float("nan"), float("inf")])
def test_impossible_clocks_are_refused(clock_mhz: float) -> None:
    with pytest.raises(ConfigError, match="option clock_mhz"):
        Options(clock_mhz=clock_mhz)


def test_architectures_that_are_not_there_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"architecture 'systolic'(?s:.*)'parallel', 'dataflow', 'engine' or 'mixed'"):
        Options(architecture="systolic")


@pytest.mark.parametrize("told", [{"initiation_cycles": 100}, {"target_fps": 1e3}, {"folding": {}}])
def test_a_pace_or_a_folding_asks_for_streams(told: dict[str, Any]) -> None:
    assert Options(**told).streams
    assert not Options().streams
    with pytest.raises(ConfigError, match="for architecture 'parallel'"):
        Options(architecture="parallel", **told)


def test_a_segment_asks_for_a_mix_of_streams_and_engine() -> None:
    segment = {"given": "a", "made": "b"}
    assert Options(segment=segment).streams
    with pytest.raises(ConfigError, match="segment for architecture 'engine'"):
        Options(architecture="engine", segment=segment)


def test_one_pace_is_asked_for() -> None:
    with pytest.raises(ConfigError, match="two paces"):
        Options(initiation_cycles=100, target_fps=1e3)


def test_an_unknown_device_names_the_nearest(model: Any) -> None:
    with pytest.raises(bw.BitwrightError, match=r"unknown device 'xcvu9'(?s:.*)xcvu9p"):
        bw.compile(model, device="xcvu9").estimate()


def test_options_and_keywords_together_are_refused(model: Any) -> None:
    with pytest.raises(ConfigError, match="give one of them"):
        bw.compile(model, Options(), seed=1)


TOML = 'device = "xcvu9p"\nclock_mhz = 250.0\ninput_format = ["u8.0", "1/255"]\n'
JSON = '{"device": "xcvu9p", "clock_mhz": 250.0, "input_format": ["u8.0", "1/255"]}'
YAML = 'device: xcvu9p\nclock_mhz: 250.0\ninput_format: [u8.0, 1/255]\n'


@pytest.mark.parametrize(("suffix", "text"), [(".toml", TOML), (".json", JSON), (".yaml", YAML), (".yml", YAML)])
def test_files_of_every_kind_say_the_same(suffix: str, text: str, tmp_path: Path) -> None:
    if "y" in suffix:
        pytest.importorskip("yaml")
    path = tmp_path / f"options{suffix}"
    path.write_text(text)
    found = Options.of(read_options(path))
    assert found == Options(device="xcvu9p", clock_mhz=250.0, input_format=("u8.0", Fraction(1, 255)))
    assert Options.of(found.to_dict() | {"input_format": found.to_dict()["input_format"]}) == found


@pytest.mark.parametrize("told", [["u8.0"], ["u8.0", "one"], ["u8.0", "1/0"], ["a", "b", "c"]])
def test_a_broken_pair_of_format_and_step_says_how_to_write_it(told: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"write \['u8.0', '1/255'\]"):
        Options.of({"input_format": told})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.toml", "device ="), ("a.json", "{"), ("a.json", "[1]"), ("a.ini", "x"), ("a.toml", b"\xff\xfe"),
        ("gone.toml", None),
    ],
)
def test_unreadable_files_are_named(name: str, text: str | bytes | None, tmp_path: Path) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match=name) as caught:
        read_options(path)
    assert "try: " in str(caught.value)


def test_yaml_runs_no_code(tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    path, witness = tmp_path / "evil.yaml", tmp_path / "witness"
    touched = f"!!python/object/apply:pathlib.Path ['{witness}']"
    path.write_text(f"device: !!python/object/apply:pathlib.Path.touch [{touched}]\n")
    with pytest.raises(ConfigError):
        read_options(path)
    assert not witness.exists()


@pytest.mark.parametrize("name", ["latency_cycles", "balance", "max_depth", "effort", "budget_s", "dsps"])
def test_numbers_below_their_least_are_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigError, match="too small") as caught:
        Options.of({name: -2})
    assert name in str(caught.value)
