"""``outpost gateway courier import``: applies at the gateway what a kiosk sent on a stick."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from firmware.assembly.process import CannotStart


def run(words: Sequence[str]) -> int:
    """Parse and run. Raises CannotStart."""
    asked = _parser().parse_args(words)
    from store_forward.contract.keys import BadKeyFile
    from store_forward.contract.resolutions import OPEN
    from store_forward.gateway.courier import BundleRefused
    from store_forward.gateway.courier_import import import_bundle
    from store_forward.gateway.database import DatabaseUnavailable
    from store_forward.gateway.location import BadDatabaseUrl

    try:
        taken = import_bundle(
            asked.file, asked.dir, asked.out or asked.file.parent, lambda: datetime.now(UTC)
        )
    except (BadDatabaseUrl, BadKeyFile, BundleRefused, DatabaseUnavailable) as fault:
        raise CannotStart(str(fault)) from fault
    except OSError as fault:
        raise CannotStart(
            f"{fault.filename or asked.file} cannot be used ({fault.strerror})"
        ) from fault
    results = [result for answer in taken.receipts.answers for result in answer.results]
    outcomes: dict[str, int] = {}
    for result in results:
        outcomes[result.outcome.value] = outcomes.get(result.outcome.value, 0) + 1
    told = ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()))
    undecided = [str(case.seq) for case in taken.receipts.cases if case.state == OPEN]
    cases = f"open about entries {', '.join(undecided)}: decide at the console"
    print(
        f"bundle     {taken.receipts.number} of {taken.receipts.device}: {told or 'no entries'}\n"
        f"cases      {cases if undecided else 'none'}\n"
        f"decisions  {len(taken.receipts.decided.decisions)} for the kiosk\n"
        f"receipts   {taken.path}\n"
        "next       at the kiosk: outpost courier import … --deployment …"
    )
    if taken.receipts.refused:
        numbers = ", ".join(f"{one.seq} ({one.code})" for one in taken.receipts.refused)
        print(f"not taken  {numbers}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="outpost gateway courier",
        description="Applies a kiosk's bundle once, however often it is brought, by the rules that "
        "hold for the network, opens a case about each entry that is refused or that the kiosk "
        "holds back, and writes signed receipts and people's decisions for the way back. The "
        "gateway may run meanwhile. Exit code 1: entries were refused, 2: the bundle was.",
    )
    actions = top.add_subparsers(dest="action", required=True, metavar="import")
    text = "apply a bundle and write its receipts"
    command = actions.add_parser("import", help=text, description=f"{text}.")
    command.add_argument("file", type=Path, metavar="FILE")
    command.add_argument("--dir", type=Path, required=True, help="the gateway's directory")
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="folder for the receipts (default: beside FILE)"
    )
    return top
