"""The files the product adds to Debian: units, users, folders, watchdog."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

UNITS = Path(__file__).parent / "units"

_HOMES = {
    "*.service": "usr/lib/systemd/system",
    "*.target": "usr/lib/systemd/system",
    "sysusers.d/*.conf": "usr/lib/sysusers.d",
    "tmpfiles.d/*.conf": "usr/lib/tmpfiles.d",
    "system.conf.d/*.conf": "usr/lib/systemd/system.conf.d",
}

_LINKS = {
    # What `systemctl enable` would make; the root is read-only, so it is made here.
    "etc/systemd/system/multi-user.target.wants/outpost.target": (
        "/usr/lib/systemd/system/outpost.target"
    ),
    "etc/systemd/system/default.target": "/usr/lib/systemd/system/multi-user.target",
    # The engineer's stick: a FAT partition that any computer can write.
    "etc/outpost/kiosk.toml": "/config/kiosk.toml",
}

_FOLDERS = (
    "config",  # mount point of the deployment partition
    "etc/outpost/keys",  # where a service's credentials are bound in
    "opt/outpost",  # the program
)


class OverlayError(Exception):
    """The overlay cannot be written there. Says where and why."""


@dataclass(frozen=True)
class Placed:
    """One file or link of the image; ``path`` is relative to the image's root."""

    path: Path
    origin: str


def placements(units: Path = UNITS) -> tuple[Placed, ...]:
    """Where every file of the overlay goes, sorted by path."""
    files = [
        Placed(path=Path(home) / source.name, origin=str(source.relative_to(units)))
        for pattern, home in _HOMES.items()
        for source in units.glob(pattern)
    ]
    links = [Placed(path=Path(path), origin=f"-> {to}") for path, to in _LINKS.items()]
    return tuple(sorted(files + links, key=lambda placed: placed.path))


def write_overlay(root: Path, units: Path = UNITS) -> tuple[Placed, ...]:
    """Write the overlay below ``root``; existing files of the same name are replaced.

    Raises:
        OverlayError: ``root`` is the running system, or cannot be written.
    """
    if root.resolve() == Path("/"):
        raise OverlayError("/ is this machine's own root; name the folder of an image root")
    placed = placements(units)
    try:
        for folder in _FOLDERS:
            (root / folder).mkdir(parents=True, exist_ok=True)
        for item in placed:
            _place(item, root, units)
    except OSError as error:
        raise OverlayError(f"{root}: cannot write the overlay: {error}") from error
    return placed


def _place(item: Placed, root: Path, units: Path) -> None:
    path = root / item.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if item.origin.startswith("-> "):
        path.symlink_to(item.origin.removeprefix("-> "))
    else:
        shutil.copyfile(units / item.origin, path)
        path.chmod(0o644)
