"""The systemd units as systemd itself reads them, inside an image root made for the test."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from image_build.overlay import SOURCES, write_overlay

UNITS = SOURCES / "units"
SYSTEM_UNITS = Path("/usr/lib/systemd/system")
SERVICES = ("core", "devices", "sync", "ui")
KEYLESS = ("devices", "ui")
HIGHEST_EXPOSURE = {"core": 25, "devices": 25, "sync": 25, "ui": 40}
"""Tenths of a point of ``systemd-analyze security``."""
TTY_USB, TTY_ACM, DRM = "char-188", "char-166", "char-226"
"""Majors of devices that come with a module (Linux, Documentation/admin-guide/devices.txt)."""
BY_NUMBER = {TTY_USB, TTY_ACM, DRM}
ALWAYS_THERE = {"char-ttyS", "char-ttyAMA", "char-input", "/dev/tty0", "/dev/tty1"}
"""Devices of drivers that Debian's kernels have built in: systemd knows their names at once."""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def unit_path(root: Path, service: str) -> Path:
    return root / "usr/lib/systemd/system" / f"outpost-{service}.service"


def settings(service: str) -> dict[str, list[str]]:
    """All assignments of a unit file, in their order."""
    found: dict[str, list[str]] = {}
    for line in (UNITS / f"outpost-{service}.service").read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith(("#", "[")):
            found.setdefault(key, []).append(value)
    return found


@pytest.fixture
def image_root(tmp_path: Path) -> Path:
    """The overlay and the distribution's own units."""
    root = tmp_path / "root"
    write_overlay(root)
    for kind in ("target", "slice", "socket", "mount"):
        for unit in SYSTEM_UNITS.glob(f"*.{kind}"):
            copy = root / "usr/lib/systemd/system" / unit.name
            if unit.is_file() and not copy.exists():
                shutil.copyfile(unit, copy)
    return root


def verify(root: Path, *units: str) -> subprocess.CompletedProcess[str]:
    return run(
        "systemd-analyze",
        "verify",
        "--man=no",
        "--recursive-errors=yes",
        f"--root={root}",
        *units,
    )


def test_systemd_finds_no_fault_in_the_units(image_root: Path) -> None:
    units = [f"outpost-{service}.service" for service in SERVICES]

    found = verify(image_root, "outpost.target", *units)

    assert (found.returncode, found.stderr) == (0, "")


def test_the_check_would_find_a_misspelt_setting(image_root: Path) -> None:
    core = unit_path(image_root, "core")
    core.write_text(core.read_text().replace("WatchdogSec=", "WatchdogSeconds="))

    found = verify(image_root, core.name)

    assert found.returncode != 0
    assert "WatchdogSeconds" in found.stderr


def test_the_check_would_find_a_missing_program(image_root: Path) -> None:
    (image_root / "opt/outpost/outpost").unlink()

    found = verify(image_root, "outpost-sync.service")

    assert found.returncode != 0
    assert "/opt/outpost/outpost is not executable" in found.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_the_sandbox_is_tight(image_root: Path, service: str) -> None:
    found = exposure(unit_path(image_root, service), HIGHEST_EXPOSURE[service])

    assert found.returncode == 0, found.stdout


def test_the_sandbox_check_would_find_an_open_service(image_root: Path) -> None:
    ui = unit_path(image_root, "ui")
    open_lines = [line for line in ui.read_text().splitlines() if "Protect" not in line]
    ui.write_text("\n".join(open_lines).replace("CapabilityBoundingSet=", "#"))

    assert exposure(ui, HIGHEST_EXPOSURE["ui"]).returncode != 0


def exposure(unit: Path, threshold: int) -> subprocess.CompletedProcess[str]:
    return run(
        "systemd-analyze",
        "security",
        "--offline=true",
        "--no-pager",
        f"--threshold={threshold}",
        str(unit),
    )


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_has_a_user_of_its_own(service: str) -> None:
    assert settings(service)["User"] == [f"outpost-{service}"]


@pytest.mark.parametrize("service", KEYLESS)
def test_the_processes_without_a_key_see_neither_keys_nor_store(service: str) -> None:
    unit = settings(service)

    assert not any(key.startswith(("LoadCredential", "SetCredential")) for key in unit)
    assert "outpost-store" not in unit["SupplementaryGroups"][0].split()
    assert unit["InaccessiblePaths"] == ["-/var/lib/outpost -/var/lib/outpost-keys"]


@pytest.mark.parametrize("service", ["core", "devices", "ui"])
def test_only_sync_can_open_a_network_socket(service: str) -> None:
    families = set(settings(service)["RestrictAddressFamilies"][0].split())

    assert families <= {"AF_UNIX", "AF_NETLINK"}
    assert settings(service)["IPAddressDeny"] == ["any"]


@pytest.mark.parametrize("service", ["core", "sync"])
def test_the_processes_with_a_key_have_no_device_but_the_tpm(service: str) -> None:
    unit = settings(service)

    assert unit["DevicePolicy"] == ["closed"]
    assert unit["DeviceAllow"] == ["/dev/tpmrm0 rw"]
    assert "tss" in unit["SupplementaryGroups"][0].split()


@pytest.mark.parametrize("service", ["core", "sync"])
def test_a_machine_with_a_tpm_needs_no_key_file_to_start(service: str) -> None:
    unit = settings(service)

    assert any(one.startswith("machine.key:") for one in unit["LoadCredentialEncrypted"])
    assert unit["SetCredential"] == ["machine.key:none"]


def test_the_devices_process_opens_serial_lines_only() -> None:
    unit = settings("devices")

    assert unit["DevicePolicy"] == ["closed"]
    assert {rule.removesuffix(" rw") for rule in unit["DeviceAllow"]} == {
        *("char-ttyS", "char-ttyAMA"),
        *(TTY_USB, TTY_ACM),
    }


@pytest.mark.parametrize("service", ["devices", "ui"])
def test_a_device_whose_driver_is_loaded_later_is_not_shut_out(service: str) -> None:
    by_name = {rule.split()[0] for rule in settings(service)["DeviceAllow"]} - BY_NUMBER

    assert by_name <= ALWAYS_THERE


def test_the_limits_of_the_screen_stay_with_it_as_no_login_session_takes_it_away() -> None:
    assert "PAMName" not in settings("ui")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_started_again_whatever_ended_it(service: str) -> None:
    assert settings(service)["Restart"] == ["always"]


@pytest.mark.parametrize("service", ["core", "devices", "sync"])
def test_the_services_behind_the_screen_never_give_up(service: str) -> None:
    assert settings(service)["StartLimitIntervalSec"] == ["0"]


def test_core_has_the_time_to_mend_a_large_database_at_its_start() -> None:
    """It reads all of a damaged one, which may take minutes, and would begin anew each time."""
    assert settings("core")["TimeoutStartSec"] == ["10min"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_freezes_is_noticed(service: str) -> None:
    unit = settings(service)

    assert (unit["Type"], unit["NotifyAccess"]) == (["notify"], ["main"])
    assert "WatchdogSec" in unit


def test_a_screen_that_cannot_start_ends_in_a_reboot_not_in_a_dead_kiosk() -> None:
    assert settings("ui")["StartLimitAction"] == ["reboot"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_peers_uid_stays_visible_on_the_sockets(service: str) -> None:
    assert "PrivateUsers" not in settings(service)


@pytest.mark.parametrize("service", SERVICES)
def test_no_page_of_a_service_goes_to_a_swap_disk(service: str) -> None:
    assert settings(service)["MemorySwapMax"] == ["0"]


@pytest.mark.parametrize("service", ["core", "sync"])
def test_the_store_may_lock_its_key_pages_in_memory(service: str) -> None:
    assert settings(service)["LimitMEMLOCK"] == ["64M"]


@pytest.mark.parametrize("service", SERVICES)
def test_no_core_dump_can_carry_keys_or_patient_data(service: str) -> None:
    assert settings(service)["LimitCORE"] == ["0"]


def test_a_booting_image_wants_the_whole_kiosk(image_root: Path) -> None:
    wanted = image_root / "etc/systemd/system/multi-user.target.wants/outpost.target"

    assert wanted.is_symlink()
    assert (image_root / wanted.readlink().relative_to("/")).is_file()
    target = (image_root / "usr/lib/systemd/system/outpost.target").read_text()
    assert all(f"outpost-{service}.service" in target for service in SERVICES)
