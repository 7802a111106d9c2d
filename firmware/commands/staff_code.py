"""``outpost staff-code``: makes what lets staff in at the screen, for the deployment file."""

from __future__ import annotations

import argparse
import getpass
import secrets
import sys
from typing import Any

from firmware.assembly.process import CannotStart

TEXT = "make the code with which staff see at the screen what needs a person"


def register(commands: Any) -> None:
    """Add ``staff-code`` to the command line."""
    command = commands.add_parser(
        "staff-code",
        help=TEXT,
        description=f"outpost staff-code: {TEXT}. Asks for a code of 6 to 12 digits, twice, or "
        "reads one line where there is no terminal, and prints the [staff] table for the "
        "deployment file: a slow, salted hash, never the code. At the kiosk: help, then staff.",
    )
    command.set_defaults(handler=_make)


def _make(_: argparse.Namespace) -> int:
    """Print the table. Raises CannotStart."""
    from firmware.core.staff_code import SALT_BYTES, NoCode, hash_code

    try:
        hashed = hash_code(_ask(), secrets.token_bytes(SALT_BYTES))
    except NoCode as fault:
        raise CannotStart(str(fault)) from fault
    print(f'[staff]\ncode = "{hashed}"')
    return 0


def _ask() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    code = getpass.getpass("staff code (6 to 12 digits): ")
    if getpass.getpass("again: ") != code:
        raise CannotStart("the two codes differ; nothing was made")
    return code
