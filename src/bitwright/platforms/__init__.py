"""Devices and boards."""

from bitwright.platforms.device import Device, Fabric, device, devices, fabric, fabrics

__all__ = ["Device", "Fabric", "device", "devices", "fabric", "fabrics"]
