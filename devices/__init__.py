"""Peripherals: one folder per device class, each with a pure protocol, a driver and an emulator."""
