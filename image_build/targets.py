"""What an image is built for: one folder a target with ``target.toml`` and ``packages.txt``."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

TARGETS = Path(__file__).parent / "targets"

_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")  # Debian Policy 5.6.1
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ARCHITECTURES = ("amd64", "arm64")
_BOOTLOADERS = ("grub", "raspberry-pi-tryboot")
_KEYS = ("description", "debian_architecture", "bootloader", "wheel_platforms", "verity_uuid")


class TargetError(Exception):
    """A target's files are missing or wrong. Says which file and line, and what would be right."""


@dataclass(frozen=True)
class Target:
    """One kind of kiosk hardware. ``packages`` is sorted and holds each name once."""

    name: str
    description: str
    debian_architecture: str
    bootloader: str
    wheel_platforms: tuple[str, ...]
    verity_uuid: str
    packages: tuple[str, ...]


def target_names(targets: Path = TARGETS) -> tuple[str, ...]:
    """Names that ``load_target`` knows."""
    return tuple(sorted(path.parent.name for path in targets.glob("*/target.toml")))


def load_target(name: str, targets: Path = TARGETS) -> Target:
    """Read and check a target.

    Raises:
        TargetError: unknown name, or a file that cannot be used.
    """
    if name not in target_names(targets):
        raise TargetError(f"unknown target {name!r}; known: {', '.join(target_names(targets))}")
    folder = targets / name
    settings = _read_settings(folder / "target.toml")
    packages = read_packages(targets / "packages.txt") + read_packages(folder / "packages.txt")
    twice = sorted({package for package in packages if packages.count(package) > 1})
    if twice:
        raise TargetError(
            f"{folder / 'packages.txt'}: also in the list of every target: {', '.join(twice)}; "
            "keep each package in one list"
        )
    return Target(
        name=name,
        description=_text(settings, "description", folder),
        debian_architecture=_one_of(settings, "debian_architecture", _ARCHITECTURES, folder),
        bootloader=_one_of(settings, "bootloader", _BOOTLOADERS, folder),
        wheel_platforms=_texts(settings, "wheel_platforms", folder),
        verity_uuid=_matching(settings, "verity_uuid", _UUID, folder),
        packages=tuple(sorted(packages)),
    )


def read_packages(path: Path) -> tuple[str, ...]:
    """Package names of one list, in its order. ``#`` starts a comment.

    Raises:
        TargetError: the file is missing, or a line is no Debian package name.
    """
    names: list[str] = []
    for number, line in enumerate(_read(path).splitlines(), start=1):
        name = line.partition("#")[0].strip()
        if not name:
            continue
        if not _PACKAGE.fullmatch(name):
            raise TargetError(f"{path}:{number}: {name!r} is no Debian package name; one a line")
        if name in names:
            raise TargetError(f"{path}:{number}: {name} stands here twice; remove one")
        names.append(name)
    return tuple(names)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TargetError(f"{path}: cannot be read: {error}") from error


def _read_settings(path: Path) -> dict[str, object]:
    try:
        settings: dict[str, object] = tomllib.loads(_read(path))
    except tomllib.TOMLDecodeError as error:
        raise TargetError(f"{path}: not TOML: {error}") from error
    unknown = sorted(set(settings) - set(_KEYS))
    if unknown:
        raise TargetError(f"{path}: unknown key {unknown[0]!r}; known: {', '.join(_KEYS)}")
    return settings


def _text(settings: dict[str, object], key: str, folder: Path) -> str:
    value = settings.get(key)
    if not isinstance(value, str) or not value:
        raise TargetError(f"{folder / 'target.toml'}: {key} must be a text that is not empty")
    return value


def _one_of(settings: dict[str, object], key: str, known: tuple[str, ...], folder: Path) -> str:
    value = _text(settings, key, folder)
    if value not in known:
        raise TargetError(f"{folder / 'target.toml'}: {key} must be one of {', '.join(known)}")
    return value


def _matching(settings: dict[str, object], key: str, pattern: re.Pattern[str], folder: Path) -> str:
    value = _text(settings, key, folder)
    if not pattern.fullmatch(value):
        raise TargetError(f"{folder / 'target.toml'}: {key} is {value!r}, not a lower-case UUID")
    return value


def _texts(settings: dict[str, object], key: str, folder: Path) -> tuple[str, ...]:
    value = settings.get(key)
    if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
        raise TargetError(f"{folder / 'target.toml'}: {key} must be a list of texts, not empty")
    return tuple(str(v) for v in value)
