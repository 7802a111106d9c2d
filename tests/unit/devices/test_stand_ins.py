"""Heavy modules that a library imports and we never reach."""

from __future__ import annotations

import subprocess
import sys

from tests.fakes.command_line import environment


def run(program: str) -> None:
    subprocess.run([sys.executable, "-c", program], env=environment(), check=True)


def test_only_what_is_imported_inside_gets_the_empty_module() -> None:
    run("""
from devices.stand_ins import stand_ins
with stand_ins({"wave": {"open": 1}, "xml.dom.minidom": {"parse": 2}}):
    import wave as inside
    from xml.dom.minidom import parse
    assert (inside.open, parse) == (1, 2)
import wave, xml.dom.minidom
assert wave is not inside
assert callable(wave.open) and callable(xml.dom.minidom.parse)
""")


def test_a_part_of_a_package_that_is_loaded_is_replaced_too() -> None:
    run("""
import importlib, sys
from devices.stand_ins import stand_ins
with stand_ins({"importlib.metadata": {"version": str}}):
    import importlib.metadata
    assert importlib.metadata.version is str
assert not hasattr(importlib, "metadata")
import importlib.metadata
assert importlib.metadata.version is not str
""")


def test_a_module_that_is_loaded_stays_itself() -> None:
    run("""
import wave as before
from devices.stand_ins import stand_ins
with stand_ins({"wave": {}}):
    import wave
    assert wave is before
import wave
assert wave is before
""")


def test_a_forbidden_module_is_there_inside_and_forbidden_afterwards() -> None:
    run("""
import sys
from devices.stand_ins import stand_ins
sys.modules["wave"] = None
with stand_ins({"wave": {"open": 1}}):
    import wave
    assert wave.open == 1
assert sys.modules["wave"] is None
""")


def test_a_slip_is_encoded_without_pictures_and_other_printers() -> None:
    run("""
import sys
from devices.receipt_printer.document import Line, Qr, SlipDocument
from devices.receipt_printer.encoder import encode
assert encode(SlipDocument((Line("凭条"), Qr("凭条"))))
assert not {"PIL", "barcode", "qrcode"} & set(sys.modules)
from escpos.capabilities import CAPABILITIES
assert list(CAPABILITIES["profiles"]) == ["default"]
""")


def test_an_identity_number_is_checked_without_tls() -> None:
    run("""
import sys
import devices.id_reader.card_text
assert "ssl" not in sys.modules
""")
