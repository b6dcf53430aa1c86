"""Boards load, name parts that exist, and say where their figures come from."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import bitwright.platforms
from bitwright.core.errors import InvalidValue
from bitwright.platforms import Board, board, board_table, boards, device, device_table, devices

HOME = Path(bitwright.platforms.__file__).parent
PAGE = Path(__file__).parents[3] / "docs" / "platforms.md"
# Order codes of FINN's board table and of the boards' own documents.
PARTS = {
    "pynq-z1": "xc7z020clg400-1",
    "pynq-z2": "xc7z020clg400-1",
    "ultra96": "xczu3eg-sbva484-1-e",
    "zcu102": "xczu9eg-ffvb1156-2-e",
    "zcu104": "xczu7ev-ffvc1156-2-e",
    "kv260": "xck26-sfvc784-2LV-c",
    "alveo-u50": "xcu50-fsvh2104-2L-e",
    "alveo-u200": "xcu200-fsgd2104-2-e",
    "alveo-u250": "xcu250-figd2104-2L-e",
    "alveo-u55c": "xcu55c-fsvh2892-2L-e",
}


@pytest.mark.parametrize("name", boards())
def test_every_board_loads_and_makes_sense(name: str) -> None:
    found = board(name)
    assert found.name == name
    assert found.title
    assert found.device is device(found.device.name)
    code, known = found.part.lower().replace("-", ""), found.device.name.replace("-", "")
    if not known.startswith("gw"):  # Gowin's order codes say the memory in the package first
        assert code.startswith(known), "the part is of the device"
    assert 10 <= found.clock_mhz <= 500
    assert all(m.source and m.megabytes > 0 and m.bandwidth_gb_s > 0 for m in found.memories)
    assert all(m.source and m.power_w > 0 for m in found.measured)
    assert found.bandwidth_gb_s == max([m.bandwidth_gb_s for m in found.memories], default=0)


def test_every_file_is_a_board_and_parts_are_the_published_ones() -> None:
    assert boards() == tuple(sorted(p.stem for p in (HOME / "boards").glob("*.toml")))
    assert {name: board(name).part for name in PARTS} == PARTS


def test_a_wrong_board_is_answered_with_the_nearest_and_a_name_is_no_path() -> None:
    with pytest.raises(InvalidValue, match="unknown board 'pynq'") as caught:
        board("pynq")
    assert "pynq-z1" in caught.value.remedy
    with pytest.raises(InvalidValue, match="unknown board"):
        board("../data/xcvu9p")


def test_boards_are_values() -> None:
    assert board("zcu104") is board("zcu104")
    assert isinstance(hash(board("zcu104")), int)
    with pytest.raises(AttributeError):
        board("zcu104").part = "x"  # pyright: ignore[reportAttributeAccessIssue]


def test_an_unknown_key_in_a_board_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"title": "mine", "device": "xcvu9p", "part": "xcvu9p", "clock_mhz": 100}
    monkeypatch.setattr(sys.modules[Board.__module__], "toml_record", lambda *_: dict(told))
    assert board("fresh-one").title == "mine"
    told["clok_mhz"] = 3
    with pytest.raises(InvalidValue, match="unknown key 'clok_mhz'"):
        board("another")


@pytest.mark.parametrize("name", [name for name in devices() if device(name).regions])
def test_regions_add_up_to_the_device(name: str) -> None:
    part = device(name)
    for kind in ("luts", "ffs", "brams", "urams", "dsps"):
        assert sum(getattr(region, kind) for region in part.regions) == getattr(part, kind)


def test_a_design_may_take_seven_tenths_of_the_luts_and_eight_of_the_memories() -> None:
    part = device("xc7z020")
    assert (part.usable.luts, part.usable.ffs, part.usable.brams, part.usable.dsps) == (37240, 53200, 112, 176)
    assert device("lfe5u-25").ceilings.ffs == device("lfe5u-25").ceilings.luts


def test_memory_blocks_are_counted_as_the_vendor_does_and_convert_to_halves() -> None:
    assert (device("xc7z020").brams, device("xc7z020").bram18s) == (140, 280)
    assert (device("lfe5u-85").brams, device("lfe5u-85").bram18s) == (208, 208)
    assert device("ice40hx8k").bram18s == 32 * 4 // 18


def test_the_page_shows_every_device_and_board(update_golden: bool) -> None:
    """Run with --update-golden after adding a record."""
    text = PAGE.read_text(encoding="utf-8")
    for name, table in (("devices", device_table()), ("boards", board_table())):
        begin, end = f"<!-- {name}:begin -->\n", f"\n<!-- {name}:end -->"
        before, rest = text.split(begin)
        shown, after = rest.split(end)
        if update_golden:
            text = before + begin + table + end + after
            PAGE.write_text(text, encoding="utf-8")
        else:
            assert shown == table
