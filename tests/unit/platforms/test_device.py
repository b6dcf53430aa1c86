"""Every device loads, makes sense, and a wrong name is answered with the nearest."""

from __future__ import annotations

from pathlib import Path

import pytest

import bitwright.platforms
from bitwright.core.errors import InvalidValue
from bitwright.platforms import device, devices, fabric, fabrics

HOME = Path(bitwright.platforms.__file__).parent


def test_every_file_is_a_device_and_every_fabric_is_used() -> None:
    assert devices() == tuple(sorted(p.stem for p in (HOME / "data").glob("*.toml")))
    assert len(devices()) >= 24
    assert fabrics() == ("ecp5", "gowin", "ice40", "xc7", "xcup")
    used = {device(name).fabric.family for name in devices()}
    assert used == {p.stem for p in (HOME / "fabrics").glob("*.toml")}


@pytest.mark.parametrize("name", devices())
def test_every_device_loads_and_makes_sense(name: str) -> None:
    part = device(name)
    assert part.name == name
    assert part.luts > 0
    assert part.ffs >= 0.75 * part.luts, "Gowin's small parts have three flip-flops for four LUTs"
    assert part.brams >= 0 <= part.dsps
    assert 10 <= part.clock_mhz <= 1000
    fabric = part.fabric
    assert fabric.lut_inputs in (4, 5, 6)
    assert 0 < fabric.carry_ns < fabric.lut_ns
    assert fabric.carry_bits in (1, 2, 4)
    assert fabric.adder_operands in (2, 3)
    assert fabric.register_ns > 0
    assert 1000 / part.clock_mhz > fabric.register_ns + fabric.lut_ns, "one LUT fits into the default clock"
    assert "not measured" in fabric.delays or "report" in fabric.delays, "the source of the delays is said"


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(InvalidValue, match="unknown device 'xcvu9'") as caught:
        device("xcvu9")
    assert "xcvu9p" in caught.value.remedy
    with pytest.raises(InvalidValue) as caught:
        device("???")
    assert all(name in caught.value.remedy for name in devices())


def test_an_unknown_fabric_suggests_the_nearest() -> None:
    assert fabric("ecp5") is device("lfe5u-25").fabric
    with pytest.raises(InvalidValue, match="unknown fabric 'ice4'") as caught:
        fabric("ice4")
    assert "ice40" in caught.value.remedy


@pytest.mark.parametrize("name", ["../fabrics/xcup", "/etc/passwd", "", "XCVU9P"])
def test_a_name_is_no_path(name: str) -> None:
    with pytest.raises(InvalidValue, match="unknown device"):
        device(name)


def test_an_unknown_key_in_a_file_is_refused() -> None:
    from bitwright.platforms.device import _read  # pyright: ignore[reportPrivateUsage]

    fine = {"fabric": "xcup", "luts": 1, "ffs": 2, "brams": 0, "dsps": 0, "clock_mhz": 100}
    assert _read(dict(fine), "mine").luts == 1
    with pytest.raises(InvalidValue, match="unknown key 'lutz'"):
        _read({**fine, "lutz": 3}, "mine")


def test_devices_are_values() -> None:
    assert device("xcvu9p") is device("xcvu9p")
    assert hash(device("xcvu9p")) == hash(device("xcvu9p"))
    with pytest.raises(AttributeError):
        device("xcvu9p").luts = 3  # pyright: ignore[reportAttributeAccessIssue]


def test_a_slower_part_of_a_fabric_has_all_its_delays_longer() -> None:
    slow, plain = device("ice40up5k"), device("ice40hx8k")
    assert slow.delay_factor > 1
    for name in ("lut_ns", "carry_ns", "chain_ns", "register_ns"):
        assert getattr(slow.fabric, name) == pytest.approx(getattr(plain.fabric, name) * slow.delay_factor)
    assert slow.fabric.family == plain.fabric.family
