"""Programs beside the kiosk's own processes: the screen, the lab, the HIS side, the auditor."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from firmware.assembly.keys import key_of_file
from firmware.assembly.process import CannotStart, log_to_stderr, uids_of
from firmware.config.model import Deployment

if TYPE_CHECKING:
    from store_forward.store.audit.verify import JournalReport


def ui_command(
    deployment: Deployment, *, probe: Path | None, core_uids: Iterable[int]
) -> list[str]:
    """Return the command line of the patient screen, which knows nothing but its socket, its
    measures, and which users besides its own core may run as."""
    screen = deployment.screen
    words = [
        *("--socket", str(Path(deployment.paths.run) / "core.sock")),
        *("--width-px", str(screen.width_px), "--height-px", str(screen.height_px)),
        *("--width-mm", str(screen.width_mm), "--height-mm", str(screen.height_mm)),
    ]
    for uid in sorted(core_uids):
        words += ["--core-uid", str(uid)]
    if not screen.fullscreen:
        words.append("--windowed")
    if probe is not None:
        words += ["--probe", str(probe)]
    return [sys.executable, "-P", "-m", "ui", *words]


def replace_by_ui(deployment: Deployment, *, probe: Path | None) -> NoReturn:
    """Become the patient screen.

    Raises:
        CannotStart: there is nothing to draw on.
    """
    if not has_display(os.environ, Path("/dev/dri")):
        raise CannotStart(
            "nothing to draw on: no DISPLAY, no WAYLAND_DISPLAY, no /dev/dri; "
            "start it in a desktop session, or set SDL_VIDEODRIVER"
        )
    command = ui_command(deployment, probe=probe, core_uids=uids_of("outpost-core"))
    os.execv(command[0], command)


def has_display(environment: Mapping[str, str], graphics: Path) -> bool:
    """Whether a window can open at all: without one SDL waits for ever and says nothing.

    ``graphics`` is where the kernel shows graphics cards. A chosen SDL_VIDEODRIVER is believed.
    """
    names = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    return any(environment.get(name) for name in names) or graphics.exists()


def replace_by_lab(arguments: list[str]) -> NoReturn:
    """Become the hardware lab, a program of its own that no kiosk carries."""
    os.execv(sys.executable, [sys.executable, "-P", "-m", "devices.lab", *arguments])


def run_gateway(
    *,
    directory: Path,
    reference: Path,
    listen: tuple[str, int],
    port_file: Path | None,
    beyond_loopback: bool,
) -> int:
    """Run the HIS side until SIGTERM."""
    from store_forward.contract.keys import BadKeyFile
    from store_forward.gateway.clinic_file import BadClinicFile
    from store_forward.gateway.database import DatabaseUnavailable
    from store_forward.gateway.location import BadDatabaseUrl
    from store_forward.gateway.serve import GatewayFailed, GatewayOptions, serve

    log_to_stderr()
    options = GatewayOptions(
        directory=directory,
        reference=reference,
        host=listen[0],
        port=listen[1],
        port_file=port_file,
        allow_remote=beyond_loopback,
    )
    try:
        serve(options)
    except (
        BadClinicFile,
        BadDatabaseUrl,
        BadKeyFile,
        DatabaseUnavailable,
        GatewayFailed,
    ) as fault:
        raise CannotStart(str(fault)) from fault
    except OSError as fault:
        raise CannotStart(
            f"{fault.filename or directory} cannot be used ({fault.strerror}): "
            "give a directory that this user may write"
        ) from fault
    return 0


def verify_journal(path: Path, key: Path, gateway_key: Path | None) -> JournalReport:
    """Check a journal with the independent verifier, receipts' signatures too if a key is given.

    Raises:
        CannotStart: the store or a key file cannot be read at all.
    """
    from store_forward.contract.keys import BadKeyFile, load_public_key
    from store_forward.contract.signing import is_signature
    from store_forward.store.audit import verify
    from store_forward.store.errors import StoreError

    try:
        signer = load_public_key(gateway_key) if gateway_key is not None else None
        store_key = key_of_file(path, key)
        if signer is None:
            return verify.verify_journal(path, store_key)
        return verify.verify_journal(
            path, store_key, lambda signature, told: is_signature(signature, told, signer)
        )
    except (StoreError, BadKeyFile) as fault:
        raise CannotStart(str(fault)) from fault
