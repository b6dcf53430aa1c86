"""Bytes over SPI: what stands for no byte is left out, and ports are opened through spidev or pyftdi."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitwright.core.errors import InvalidValue, StorageError, ToolMissing, ToolTimeout
from bitwright.host import Accelerator, FramePort, Layout, Link, SpiPort, connect, open_spi


class Wires:
    """A board that has `data` to send from the start, with nothing to send before each byte in `gaps`."""

    def __init__(self, data: bytes, gaps: frozenset[int] = frozenset()) -> None:
        self.asked, self.queue = list[bytes](), bytearray()
        for place, byte in enumerate(data):
            self.queue += b"\xa5" * (place in gaps)
            self.queue += bytes((0x5A, byte ^ 0x80)) if byte in (0xA5, 0x5A) else bytes((byte,))

    def __call__(self, data: bytes) -> bytes:
        self.asked.append(data)
        found, self.queue = self.queue[: len(data)], self.queue[len(data) :]
        return bytes(found).ljust(len(data), b"\xa5")


@given(st.binary(max_size=200), st.frozensets(st.integers(0, 200)), st.binary(min_size=1, max_size=9))
def test_every_byte_comes_back_once_whatever_stands_between_them(
    data: bytes, gaps: frozenset[int], sent: bytes
) -> None:
    wires = Wires(data, gaps)
    port = SpiPort(wires, patience=8)
    assert port.write(sent) == len(sent)
    found = port.read(len(data) // 2)
    found += port.read(len(data))
    assert found == data
    assert wires.asked[0] == sent
    assert set(b"".join(wires.asked[1:])) <= {0}


def test_a_mark_that_was_left_behind_by_a_reset_changes_no_byte() -> None:
    port = SpiPort(lambda data: b"\x5a\xa5\x7b\x5a\xda\x25".ljust(len(data), b"\xa5"), patience=8)
    assert port.read(3) == b"\x7b\x5a\x25"


def test_silence_is_waited_for_no_longer_than_the_patience() -> None:
    wires = Wires(b"ab")
    assert SpiPort(wires, patience=20).read(5) == b"ab"
    assert 20 <= sum(map(len, wires.asked)) - 8 < 40
    with pytest.raises(ToolTimeout, match="no reply"):
        Link(SpiPort(Wires(b""), patience=20)).identify()
    with pytest.raises(InvalidValue, match="patience of 0"):
        SpiPort(wires, patience=0)


def test_what_is_long_goes_in_transfers_that_a_driver_takes() -> None:
    wires = Wires(b"")
    SpiPort(wires).write(bytes(10_000))
    assert [len(data) for data in wires.asked] == [4096, 4096, 1808]


def spidev(asked: list[object]) -> ModuleType:
    class SpiDev:
        def __init__(self, bus: int, select: int) -> None:
            asked.append((bus, select))
            if bus == 9:
                raise OSError("no such device")

        def xfer2(self, data: list[int]) -> list[int]:
            asked.append((self.max_speed_hz, self.mode))  # type: ignore[attr-defined]
            return [byte + 1 for byte in data]

    module = ModuleType("spidev")
    module.__dict__["SpiDev"] = SpiDev
    return module


def test_a_bus_of_this_computer_is_opened_at_the_rate_of_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setitem(sys.modules, "spidev", spidev(asked))
    port = open_spi("/dev/spidev1.2", 4_000_000)
    assert port.read(2) == b"\x01\x01"
    assert asked == [(1, 2), (4_000_000, 0)]
    with pytest.raises(StorageError, match="cannot be opened"):
        open_spi("/dev/spidev9.0", 1)
    with pytest.raises(InvalidValue, match="no port of SPI"):
        open_spi("/dev/ttyUSB0", 1)


def ftdi(asked: list[object]) -> ModuleType:
    def exchange(data: bytes, size: int, duplex: bool) -> bytearray:
        asked.append((size, duplex))
        return bytearray(size)

    class SpiController:
        def configure(self, url: str) -> None:
            asked.append(url)

        def get_port(self, cs: int, freq: float, mode: int) -> object:
            asked.append((cs, freq, mode))
            return SimpleNamespace(exchange=exchange)

    module = ModuleType("pyftdi.spi")
    module.__dict__["SpiController"] = SpiController
    return module


def test_an_ftdi_chip_is_opened_by_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setitem(sys.modules, "pyftdi", ModuleType("pyftdi"))
    monkeypatch.setitem(sys.modules, "pyftdi.spi", ftdi(asked))
    assert open_spi("ftdi://ftdi:232h/1", 2_000_000).read(1) == b"\x00"
    assert asked == ["ftdi://ftdi:232h/1", (0, 2_000_000, 0), (8, True)]


@pytest.mark.parametrize(("name", "package"), [("/dev/spidev0.0", "spidev"), ("ftdi://ftdi:232h/1", "pyftdi")])
def test_a_port_without_its_package_says_what_to_install(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("spidev", "pyftdi", "pyftdi.spi"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ToolMissing, match="not installed") as caught:
        open_spi(name, 1)
    assert caught.value.remedy == f"pip install {package}"


def test_a_layout_says_which_link_the_board_has(monkeypatch: pytest.MonkeyPatch) -> None:
    port = FramePort("x", (1,), 1, (0,), (255,))
    layout = Layout("net", "0123456789abcdef", 4_000_000, (port,), (port,), "spi")
    assert Layout.of_json(layout.to_json()) == layout
    older = layout.to_json().replace(',\n  "link": "spi"', "")
    assert Layout.of_json(older).link == "uart"
    monkeypatch.setitem(sys.modules, "spidev", spidev(asked := []))
    monkeypatch.setattr(Accelerator, "check", lambda self: None)
    connect(layout, "/dev/spidev0.1")
    assert asked == [(0, 1)]
