"""The record: it survives JSON unchanged and refuses what it cannot mean."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bitwright.core.errors import InvalidValue, ParseError, StorageError
from bitwright.report import (
    Accuracy,
    LayerRow,
    Report,
    Timing,
    VerifyRow,
    from_dict,
    from_json,
    read_json,
    to_dict,
    to_json,
    write_json,
)

SAMPLE = Path(__file__).parents[2] / "golden" / "report" / "sample.json"


def link(before: str, after: str, vectors: int, differences: int = 0) -> VerifyRow:
    return VerifyRow(before=before, after=after, vectors=vectors, differences=differences)


def test_a_report_survives_its_json_unchanged() -> None:
    sample = read_json(SAMPLE)
    assert from_json(to_json(sample)) == sample
    assert to_json(sample) == SAMPLE.read_text(encoding="utf-8")


def test_an_empty_report_survives_its_json_unchanged() -> None:
    assert from_dict(to_dict(Report(title="x"))) == Report(title="x")


def test_float_accuracy_is_called_float_in_json() -> None:
    tree = to_dict(Report(title="x", accuracy=Accuracy(float_=0.5)))
    assert tree["accuracy"]["float"] == 0.5
    assert from_dict(tree).accuracy == Accuracy(float_=0.5)


def test_numpy_numbers_become_plain_ones_and_fractions_text() -> None:
    certificate = {"a": np.int64(3), "b": [np.float32(0.5), Fraction(1, 3)], 4: (True, None)}
    written = json.loads(to_json(Report(title="x", certificate=certificate)))
    assert written["certificate"] == {"a": 3, "b": [0.5, "1/3"], "4": [True, None]}


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), object(), np.zeros(2)])
def test_what_json_cannot_hold_is_refused_with_its_place(bad: object) -> None:
    with pytest.raises(InvalidValue, match=r"report\.certificate\.here"):
        to_dict(Report(title="x", certificate={"here": bad}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "schema 2 is not 1"),
        ({"titel": "x"}, "unknown field 'titel'"),
        ({"seed": "one"}, "report.seed: 'one' is no int"),
        ({"seed": True}, "report.seed: True is no int"),
        ({"layers": {}}, "report.layers: {} is not a list"),
        ({"layers": [{"kind": "QDense"}]}, r"report.layers\[0\]: field 'name' is missing"),
        ({"layers": [{"name": "a", "kind": "b", "weight_bits": [[1, 2, 3]]}]}, "is not a list of 2"),
        ({"timing": 3}, "report.timing: 3 is not an object"),
        ({"versions": {"yosys": 23}}, "report.versions.yosys: 23 is no str"),
    ],
)
def test_a_broken_record_is_refused_by_field(change: dict[str, object], message: str) -> None:
    with pytest.raises(ParseError, match=message):
        from_dict(to_dict(Report(title="x")) | change)


def test_a_near_field_name_is_suggested() -> None:
    with pytest.raises(ParseError, match="try: write 'title'"):
        from_dict(to_dict(Report(title="x")) | {"titel": "x"})


def test_text_that_is_no_json_is_refused() -> None:
    with pytest.raises(ParseError, match="no JSON"):
        from_json("{")


def test_a_missing_file_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot read the report"):
        read_json(tmp_path / "none.json")


def test_a_written_report_reads_back_equal(tmp_path: Path) -> None:
    sample = read_json(SAMPLE)
    assert read_json(write_json(sample, tmp_path / "deep" / "report.json")) == sample


def test_vectors_are_those_of_the_least_tested_pair() -> None:
    rows = (link("a", "b", 10), link("b", "c", 4), link("a", "b", 5), link("b", "c", 1))
    report = Report(title="x", verification=rows)
    assert [row.vectors for row in report.links] == [15, 5]
    assert report.vectors == 5


def test_differences_add_up_over_all_comparisons() -> None:
    report = Report(title="x", verification=(link("a", "b", 10, 2), link("b", "c", 10, 3)))
    assert report.differences == 5
    assert replace(report, verification=()).differences == 0


def test_given_nanoseconds_win_over_cycles_at_the_clock() -> None:
    assert Timing(latency_cycles=4, clock_mhz=400.0).nanoseconds == 10.0
    assert Timing(latency_cycles=4, clock_mhz=400.0, latency_ns=11.0).nanoseconds == 11.0


def test_rows_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        LayerRow(name="a", kind="b").name = "c"  # type: ignore[misc]
