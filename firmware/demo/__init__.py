"""The whole kiosk on a desk: real processes, emulated peripherals, a scripted story."""
