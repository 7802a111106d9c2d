"""``outpost outbox``: what waits for the HIS, what stands out, and what to do about it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from firmware.assembly.keys import store_key_of
from firmware.assembly.process import CannotStart

TEXT = "what waits for the HIS, what it did not accept, and what to do"


def register(commands: Any) -> None:
    """Add ``outbox`` and its actions to the command line."""
    outbox = commands.add_parser(
        "outbox",
        help=TEXT,
        description=f"outpost outbox: {TEXT}. Reads the store; core and sync may run meanwhile. "
        "Shows no patient's name or number.",
    )
    actions = outbox.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text in (
        ("status", "how much waits, by class; what is parked, rejected, uncertain, resolved"),
        ("list", "every exception in one line, with the name of its case at the HIS"),
    ):
        action = actions.add_parser(name, help=text, description=f"outpost outbox {name}: {text}.")
        action.add_argument("--deployment", type=Path, required=True, metavar="FILE")
        action.set_defaults(handler=_show)


def _show(asked: argparse.Namespace) -> int:
    """Print the report; code 1 when somebody has something to do. Raises CannotStart."""
    from firmware.commands.deployments import deployment_at, store_of
    from store_forward.store.errors import StoreError
    from store_forward.store.store import Role, Store
    from store_forward.sync.outbox_report import report_outbox

    deployment = deployment_at(asked.deployment)
    path = store_of(deployment)
    try:
        key = store_key_of(deployment)
        with Store.open(path, key, device=deployment.kiosk.id, role=Role.GUEST) as store:
            report = report_outbox(store)
    except StoreError as fault:
        raise CannotStart(str(fault)) from fault
    print(report.render_status() if asked.action == "status" else report.render_list(), end="")
    return 1 if report.needs_somebody else 0
