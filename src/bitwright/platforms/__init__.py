"""Devices and boards."""

from bitwright.platforms.board import Board, Io, Measured, Memory, Spi, board, boards
from bitwright.platforms.device import Ceilings, Device, Fabric, Resources, device, devices, fabric, fabrics
from bitwright.platforms.table import board_table, device_table

__all__ = [
    "Board",
    "Ceilings",
    "Device",
    "Fabric",
    "Io",
    "Measured",
    "Memory",
    "Resources",
    "Spi",
    "board",
    "board_table",
    "boards",
    "device",
    "device_table",
    "devices",
    "fabric",
    "fabrics",
]
