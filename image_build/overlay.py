"""What the product adds to Debian: units, users, folders, watchdog and its own start."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).parent

_HOMES = {
    "units/*.service": "usr/lib/systemd/system",
    "units/*.target": "usr/lib/systemd/system",
    "units/sysusers.d/*.conf": "usr/lib/sysusers.d",
    "units/tmpfiles.d/*.conf": "usr/lib/tmpfiles.d",
    "units/system.conf.d/*.conf": "usr/lib/systemd/system.conf.d",
    "program/outpost": "opt/outpost",
}

_PROGRAM = Path("opt/outpost/outpost")

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
    "opt/outpost/site",  # the program's packages
)


class OverlayError(Exception):
    """The overlay cannot be written there. Says where and why."""


@dataclass(frozen=True)
class Placed:
    """One file or link of the image; ``path`` is relative to the image's root."""

    path: Path
    origin: str


def placements(sources: Path = SOURCES) -> tuple[Placed, ...]:
    """Where every file of the overlay goes, sorted by path."""
    files = [
        Placed(path=Path(home) / source.name, origin=str(source.relative_to(sources)))
        for pattern, home in _HOMES.items()
        for source in sources.glob(pattern)
    ]
    links = [Placed(path=Path(path), origin=f"-> {to}") for path, to in _LINKS.items()]
    return tuple(sorted(files + links, key=lambda placed: placed.path))


def write_overlay(root: Path, sources: Path = SOURCES) -> tuple[Placed, ...]:
    """Write the overlay below ``root``; existing files of the same name are replaced.

    Raises:
        OverlayError: ``root`` is the running system, or cannot be written.
    """
    if root.resolve() == Path("/"):
        raise OverlayError("/ is this machine's own root; name the folder of an image root")
    placed = placements(sources)
    try:
        for folder in _FOLDERS:
            (root / folder).mkdir(parents=True, exist_ok=True)
        for item in placed:
            _place(item, root, sources)
    except OSError as error:
        raise OverlayError(f"{root}: cannot write the overlay: {error}") from error
    return placed


def _place(item: Placed, root: Path, sources: Path) -> None:
    path = root / item.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if item.origin.startswith("-> "):
        path.symlink_to(item.origin.removeprefix("-> "))
    else:
        shutil.copyfile(sources / item.origin, path)
        path.chmod(0o755 if item.path == _PROGRAM else 0o644)
