"""The computer's side of a board: samples in, results out, over the link that `build_bitstream` puts beside a network.

Works with any object that reads and writes bytes: a serial port of pyserial, SPI (`SpiPort`), or a simulated one.
"""

from bitwright.host.accelerator import Accelerator, connect
from bitwright.host.layout import FramePort, Layout
from bitwright.host.link import BytePort, Identity, Link
from bitwright.host.protocol import Fault, Kind, Message, Replies, crc16, request
from bitwright.host.serial_port import open_serial
from bitwright.host.spi_port import SpiPort, open_spi

__all__ = [
    "Accelerator",
    "BytePort",
    "Fault",
    "FramePort",
    "Identity",
    "Kind",
    "Layout",
    "Link",
    "Message",
    "Replies",
    "SpiPort",
    "connect",
    "crc16",
    "open_serial",
    "open_spi",
    "request",
]
