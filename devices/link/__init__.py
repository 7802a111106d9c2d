"""Byte transports to peripherals."""
