"""What the encoder's library does to the machine when it is first needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.fakes.command_line import environment

PROGRAM = """
from devices.receipt_printer.document import Line, SlipDocument
from devices.receipt_printer.encoder import encode
assert encode(SlipDocument((Line("凭条"),)))
assert encode(SlipDocument((Line("凭条"),)))
"""


def test_encoding_leaves_no_temporary_file_behind(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment(TMPDIR=str(tmp_path)), check=True
    )
    assert list(tmp_path.iterdir()) == []
