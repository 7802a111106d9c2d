"""The emulated hardware lab: every emulator on its real transport, with a web panel."""
