"""Certificates are values: they go through JSON unchanged, and what is no certificate is refused."""

from __future__ import annotations

import json

import pytest

from bitwright.core.errors import ParseError
from bitwright.ir.certificate import Certificate, Comparison, LayerProof

PROOF = LayerProof("fc1", "QDense", -9, 8, "s5.3", "1/8", False, "ties differ", 2, (3, -4))
FULL = Certificate(
    "net",
    {"graph": "ab", "netlist": "cd"},
    (PROOF, LayerProof("ü", "Add", 0, 0, "u1.0", "per channel", True, "exact")),
    (Comparison("Keras", "graph", "data", 100, 0, 3), Comparison("graph", "netlist", "corner", 38, 2)),
    {"bitwright": "0.1"},
    ("softmax stays in float",),
)


@pytest.mark.parametrize("certificate", [FULL, Certificate("empty", {}, (), ())], ids=["full", "empty"])
def test_certificates_go_through_json_unchanged(certificate: Certificate) -> None:
    text = certificate.to_json()
    again = Certificate.from_json(text)
    assert again == certificate
    assert again.to_json() == text
    assert json.loads(text)["schema"] == 1


def test_differences_add_up_and_comparisons_are_appended() -> None:
    assert FULL.differences == 2
    more = FULL.compared((Comparison("netlist", "RTL", "random", 10, 5),))
    assert more.differences == 7
    assert more.comparisons[:2] == FULL.comparisons
    assert FULL.differences == 2


def test_another_schema_is_refused_by_its_number() -> None:
    with pytest.raises(ParseError, match="schema 7 is not 1"):
        Certificate.from_json(FULL.to_json().replace('"schema": 1', '"schema": 7'))


def damaged() -> list[str]:
    record = FULL.to_dict()
    needed = [key for key in record if key not in ("versions", "neurons")]
    without = [json.dumps({k: v for k, v in record.items() if k != key}) for key in needed]
    strange = [json.dumps({**record, key: 3}) for key in ("layers", "comparisons", "notes", "neurons")]
    inner = [json.dumps({**record, "layers": [{"layer": "x"}]}), json.dumps({**record, "surprise": 1})]
    return ["", "{", "[]", "3", "null", '"text"', FULL.to_json()[:-40], *without, *strange, *inner]


@pytest.mark.parametrize("text", damaged(), ids=range(len(damaged())))
def test_what_is_no_certificate_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        Certificate.from_json(text)
