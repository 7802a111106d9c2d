"""Users, groups and folders as systemd-sysusers and systemd-tmpfiles make them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from image_build.overlay import write_overlay


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An image root in which both tools have run, as they do in the image."""
    root = tmp_path / "root"
    write_overlay(root)
    for command in (["systemd-sysusers"], ["systemd-tmpfiles", "--create"]):
        subprocess.run(
            [*command, f"--root={root}", "outpost.conf"],
            capture_output=True,
            timeout=20,
            check=True,
        )
    return root


def members(root: Path, group: str) -> set[str]:
    for line in (root / "etc/group").read_text().splitlines():
        name, _, _, users = line.split(":")
        if name == group:
            return set(users.split(","))
    return set()


def number(root: Path, group: str) -> int:
    lines = (line.split(":") for line in (root / "etc/group").read_text().splitlines())
    return next(int(fields[2]) for fields in lines if fields[0] == group)


def test_no_user_can_log_in(root: Path) -> None:
    users = (root / "etc/passwd").read_text().splitlines()

    assert len(users) == 4
    assert all(user.endswith(":/usr/sbin/nologin") for user in users)


def test_core_and_sync_share_the_store_and_nobody_else_does(root: Path) -> None:
    assert members(root, "outpost-store") == {"outpost-core", "outpost-sync"}
    store = (root / "var/lib/outpost").stat()
    assert store.st_mode & 0o7777 == 0o2770
    assert store.st_gid == number(root, "outpost-store")


def test_sync_is_not_on_the_sockets_between_the_others(root: Path) -> None:
    assert members(root, "outpost-bus") == {"outpost-core", "outpost-devices", "outpost-ui"}
    sockets = (root / "run/outpost").stat()
    assert sockets.st_mode & 0o7777 == 0o3770
    assert sockets.st_gid == number(root, "outpost-bus")


def test_sealed_keys_are_the_service_managers_alone(root: Path) -> None:
    keys = (root / "var/lib/outpost-keys").stat()

    assert (keys.st_mode & 0o7777, keys.st_uid) == (0o700, 0)


def test_user_numbers_are_the_same_in_every_image(root: Path) -> None:
    users = (line.split(":") for line in (root / "etc/passwd").read_text().splitlines())

    assert {fields[0]: int(fields[2]) for fields in users} == {
        "outpost-core": 960,
        "outpost-devices": 961,
        "outpost-sync": 962,
        "outpost-ui": 963,
    }
