"""The recipe: a flat list of steps from nothing to a disk image.

This version runs one step, the overlay. The others are listed with a draft of their command and
marked as not run yet, so that nobody takes a plan for an image.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from image_build.targets import Target

SUITE = "trixie"
"""Debian 13: kernel 6.12, systemd 257, Python 3.13, RAUC 1.13."""

PYTHON_VERSION = "3.13"
"""The suite's Python; wheels are fetched for it, whatever Python runs this recipe."""

SOURCE_DATE_EPOCH = 1_760_000_000
"""Every time stamp inside the image, so that the same inputs give the same bytes."""

_SAME_TIME = ("env", f"SOURCE_DATE_EPOCH={SOURCE_DATE_EPOCH}")
_SITE = "/opt/outpost/site"
_PRODUCT = ("devices", "firmware", "store_forward", "ui")
# The content is the image's, so Python need not compare time stamps at each start.
_COMPILE = ("python3", "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash", _SITE)
_KEEP_OUT = ("doc", "man", "locale", "info", "lintian")


@dataclass(frozen=True)
class Step:
    """One step. ``commands`` are argument lists, drafts unless ``runs``: this version does it."""

    name: str
    why: str
    commands: tuple[tuple[str, ...], ...]
    runs: bool = False


def plan(target: Target, out: Path) -> tuple[Step, ...]:
    """The steps for a target, in order. Pure: looks at nothing and starts nothing."""
    return (
        _overlay(target, out),
        _fonts(out),
        _wheels(target, out),
        _root(target, out),
        _squash(out),
        _verity(target, out),
        _partitions(out),
        _bootloader(target, out),
        _update_bundle(out),
        _boot_test(out),
    )


def _overlay(target: Target, out: Path) -> Step:
    command = ("python", "-m", "image_build", "overlay", "--target", target.name)
    return Step(
        "overlay",
        "units, users, folders and start of the product",
        ((*command, "--into", str(out / "overlay")),),
        runs=True,
    )


def _fonts(out: Path) -> Step:
    folder = out / "overlay/usr/share/outpost/fonts"
    return Step(
        "fonts",
        "the Chinese faces of the screen, taken out of their collection once",
        (("python", "-m", "ui.theme.build_fonts", str(folder)),),
    )


def _wheels(target: Target, out: Path) -> Step:
    platforms = tuple(f"--platform={platform}" for platform in target.wheel_platforms)
    # pip would compile for the Python it runs on, which the image cannot use.
    fixed = ("--no-compile", "--only-binary=:all:", "--require-hashes", "-r", "requirements.lock")
    where = ("--target", str(out / "site"), "--python-version", PYTHON_VERSION)
    return Step(
        "wheels",
        "the pinned Python packages for the target's processor, nothing compiled",
        (("pip", "install", *where, *platforms, *fixed),),
    )


def _root(target: Target, out: Path) -> Step:
    keep_out = tuple(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _KEEP_OUT)
    return Step(
        "root",
        "Debian without recommends or manuals (licences stay), overlay, wheels and product on top, "
        "compiled by the image's own Python as its root is read-only; "
        "the mirror is the build machine's own",
        (
            (
                *_SAME_TIME,
                "mmdebstrap",
                "--mode=root",
                "--variant=minbase",
                f"--architectures={target.debian_architecture}",
                '--aptopt=Apt::Install-Recommends "false"',
                *keep_out,
                "--dpkgopt=path-include=/usr/share/doc/*/copyright",
                f"--include={','.join(target.packages)}",
                f"--customize-hook=copy-in {out}/overlay/* /",
                f"--customize-hook=copy-in {out}/site /opt/outpost",
                f"--customize-hook=copy-in {' '.join(_PRODUCT)} {_SITE}",
                f'--customize-hook=chroot "$1" {" ".join(_COMPILE)}',
                SUITE,
                str(out / "root.tar"),
            ),
        ),
    )


def _squash(out: Path) -> Step:
    compress = ("-tar", "-comp", "zstd", "-Xcompression-level", "15")
    return Step(
        "squash",
        "one compressed read-only file of the root",
        ((*_SAME_TIME, "mksquashfs", "-", str(out / "root.img"), *compress),),
    )


def _verity(target: Target, out: Path) -> Step:
    root = str(out / "root.img")
    return Step(
        "verity",
        "a hash tree behind it: a changed block stops the boot instead of running",
        (("veritysetup", "format", f"--uuid={target.verity_uuid}", root, root),),
    )


def _partitions(out: Path) -> Step:
    return Step(
        "partitions",
        "esp 64 MiB, boot_a/b 128 MiB, root_a/b 1 GiB, config 32 MiB FAT; "
        "the encrypted data partition is made on the machine at first boot",
        (("sfdisk", str(out / "disk.img")),),
    )


def _bootloader(target: Target, out: Path) -> Step:
    commands = {
        "grub": (("grub-mkimage", "-O", "x86_64-efi", "-o", str(out / "BOOTX64.EFI")),),
        "raspberry-pi-tryboot": (("mcopy", "-i", str(out / "boot.img"), "config.txt", "::"),),
    }
    return Step(
        "bootloader",
        "starts the slot that is good, tries a new one once, goes back if it is not marked good",
        commands[target.bootloader],
    )


def _update_bundle(out: Path) -> Step:
    return Step(
        "update bundle",
        "the same root as a signed update for kiosks in the field",
        (("rauc", "bundle", str(out / "bundle"), str(out / "outpost.raucb")),),
    )


def _boot_test(out: Path) -> Step:
    return Step(
        "boot test",
        "the finished image in QEMU: screen, touch, update, rollback, watchdog",
        (("qemu-system-x86_64", "-M", "q35", "-drive", f"file={out / 'disk.img'}"),),
    )
