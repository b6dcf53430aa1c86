"""The page: self-contained, complete, safe, and honest about what is missing."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bitwright.core.errors import ToolMissing
from bitwright.report import CostRow, LayerRow, Report, VerifyRow, page, read_json, render_html

SAMPLE = Path(__file__).parents[2] / "golden" / "report" / "sample.json"
VOID = {"meta", "link", "br", "rect", "line", "path", "circle"}


@pytest.fixture(scope="module")
def sample() -> Report:
    return read_json(SAMPLE)


class Balance(HTMLParser):
    """Collects what is open; raises when a tag closes that was not the last one opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID or tag == "rect":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        return None

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def network_of(layers: int) -> Report:
    """A report of many layers with a certificate as long as real ones get."""
    rows = tuple(
        LayerRow(name=f"block{at}/conv", kind="QConv2D", shape=(32, 32, 64), parameters=36928, exact=True,
                 weight_bits=tuple((width, 4608) for width in range(1, 9)), activation_bits=((6, 64),),
                 output_format="u6.2", accumulator_format="s18.7", value_low=-3.0, value_high=12.5,
                 format_low=0.0, format_high=15.75, luts_predicted=1000 + at, ffs_predicted=800, adders=900,
                 why="every partial sum below 2^18 steps, proved with the real weights")
        for at in range(layers)
    )  # fmt: skip
    facts = [
        {"layer": row.name, "low": -(2**17), "high": 2**17, "exact": True, "why": row.why} for row in rows
    ]
    noise = {"disagreements": [{"layer": "x", "code": code} for code in range(20000)], "layers": facts}
    return Report(title="many layers", layers=rows, certificate=noise)


def test_the_page_names_no_other_address(sample: Report) -> None:
    page = render_html(sample)
    assert not re.search(
        r"https?:|//[a-z]|@import|url\(|src=", re.sub(r"<script type=.*?</script>", "", page)
    )


def test_every_tag_is_closed(sample: Report) -> None:
    balance = Balance()
    balance.feed(render_html(sample))
    assert balance.open == []


def test_the_headline_numbers_are_in_the_page_without_script(sample: Report) -> None:
    page = re.sub(r"<script.*?</script>", "", render_html(sample), flags=re.S)
    for figure in (
        "97.50 %",
        "97.22 %",
        "7,953",
        "45",
        "4,092",
        "0 differing bits over 426 vectors",
        "4,371",
    ):
        assert figure in page
    for command in sample.commands:
        assert command in page


def test_every_layer_appears_in_every_figure_it_has_numbers_for(sample: Report) -> None:
    page = render_html(sample)
    assert page.count('data-layer="fc1"') == 3
    assert page.count('data-layer="softmax"') == 0
    assert page.count("The same numbers as a table") == 4


def test_forty_layers_and_a_long_certificate_stay_below_a_megabyte() -> None:
    page = render_html(network_of(40))
    assert len(page.encode()) < 1_000_000
    assert "19,800 more rows are in report.json" in page


def test_names_from_the_model_cannot_become_markup(sample: Report) -> None:
    evil = "</script><script>alert(1)</script><b onclick='x'>"
    layers = (replace(sample.layers[1], name=evil, why=evil),)
    page = render_html(replace(sample, title=evil, layers=layers, commands=(evil,), notes=(evil,)))
    assert "<script>alert" not in page
    assert "<b onclick" not in page


def test_a_difference_turns_the_verdict_red(sample: Report) -> None:
    bad = VerifyRow(before="netlist", after="simulated RTL", vectors=360, differences=7)
    page = render_html(replace(sample, verification=(bad,)))
    assert "7 differing bits over 360 vectors" in page
    assert 'class="verdict bad"' in page
    assert "bitwright diff" in page


def test_what_was_not_verified_is_not_called_exact() -> None:
    page = render_html(Report(title="fresh"))
    assert "Not verified yet" in page
    assert "0 differing bits" not in page


def test_what_was_not_synthesized_says_predicted() -> None:
    page = render_html(Report(title="fresh", cost=(CostRow(quantity="LUT", predicted=1234),)))
    assert "predicted, not synthesized yet" in page
    assert "1,234" in page


def test_levels_that_form_no_chain_are_listed_only_in_the_table() -> None:
    rows = tuple(VerifyRow(before="Keras", after=name, vectors=3, differences=0) for name in ("graph", "rtl"))
    assert 'class="chain"' not in render_html(Report(title="star", verification=rows))


def test_without_jinja_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    page.template.cache_clear()
    with pytest.raises(ToolMissing, match=r"bitwright\[report\]"):
        render_html(Report(title="x"))
