"""The deployment file's shape: one TOML file per kiosk says everything that differs between kiosks.

Lengths are millimetres, money is fen, durations are seconds. No secret stands in this file: keys
are files in the key directory (``Paths.keys``) or systemd credentials.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from devices.messages import DeviceKind

Code = Annotated[
    str,
    msgspec.Meta(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9-]+$", examples=["QH-K01"]),
]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the deployment file."""


class Clinic(Section, frozen=True):
    """[clinic] the branch clinic this kiosk stands in."""

    code: Code
    name_zh: Label
    name_en: Label
    timezone: str = "Asia/Shanghai"


class Kiosk(Section, frozen=True):
    """[kiosk] identity. ``prefix`` leads every number and slip code this kiosk gives out."""

    id: Code
    prefix: Annotated[str, msgspec.Meta(pattern=r"^[A-Z][A-Z0-9]{0,3}$", examples=["A"])]


class Gateway(Section, frozen=True):
    """[gateway] where the HIS side is. ``ca`` and ``key`` files are relative to the key directory.

    ``ca`` is the PEM bundle that must have signed the gateway's certificate;
    ``receipt_key`` the PEM public key (Ed25519) its receipts are countersigned with.
    """

    url: Annotated[
        str, msgspec.Meta(pattern=r"^https://[^/]+$", examples=["https://his.example:8443"])
    ]
    ca: str = "gateway-ca.pem"
    receipt_key: str = "gateway-receipt.pem"


class Device(Section, frozen=True):
    """[[device]] one peripheral: a name of its own, its kind, driver and port."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$", examples=["cash"])]
    kind: DeviceKind
    driver: str
    port: str


class Services(Section, frozen=True):
    """[services] what this kiosk offers."""

    register_today: bool = True
    cash: bool = True


class ScreenGeometry(Section, frozen=True):
    """[screen] the visible area. ``fullscreen`` false opens a window of ``width_px``."""

    width_px: Annotated[int, msgspec.Meta(ge=480, le=7680)] = 1080
    height_px: Annotated[int, msgspec.Meta(ge=480, le=7680)] = 1920
    width_mm: Annotated[float, msgspec.Meta(ge=100, le=2000)] = 268.0
    height_mm: Annotated[float, msgspec.Meta(ge=100, le=2000)] = 476.0
    fullscreen: bool = True


class Languages(Section, frozen=True):
    """[languages] what the screen can speak; ``default`` comes back with every session."""

    available: tuple[str, ...] = ("zh", "en")
    default: str = "zh"


class Limits(Section, frozen=True):
    """[limits] time and money.

    ``idle_seconds`` until the session is wiped, ``warning_seconds`` into it the warning comes
    (both doubled in elder mode). ``largest_note_over_due_fen``: a note that would exceed the fee
    by more than this is returned. ``data_max_age_hours``: older reference data stops the sale.
    Nothing new begins with less than ``reserve_disk_mb`` (10^6 bytes) left on the disk, or with
    ``queue_max_entries`` entries, or one older than ``queue_max_age_hours``, not sent yet.
    ``retention_days`` after its business day an entry that the HIS has acknowledged may go.
    """

    idle_seconds: Annotated[int, msgspec.Meta(ge=20, le=600)] = 60
    warning_seconds: Annotated[int, msgspec.Meta(ge=10, le=590)] = 40
    accept_fen: tuple[int, ...] = (1000, 2000, 5000, 10000)
    largest_note_over_due_fen: Annotated[int, msgspec.Meta(ge=0)] = 10000
    data_max_age_hours: Annotated[int, msgspec.Meta(ge=1, le=168)] = 24
    leased_slots_per_doctor: Annotated[int, msgspec.Meta(ge=0, le=50)] = 8
    reserve_disk_mb: Annotated[int, msgspec.Meta(ge=16, le=1_000_000)] = 64
    queue_max_entries: Annotated[int, msgspec.Meta(ge=100, le=1_000_000)] = 100_000
    queue_max_age_hours: Annotated[int, msgspec.Meta(ge=1, le=720)] = 72
    retention_days: Annotated[int, msgspec.Meta(ge=7, le=3650)] = 180


class Staff(Section, frozen=True):
    """[staff] who may see at the screen what needs a person; without ``code`` nobody.

    ``code`` is the line that ``outpost staff-code`` prints: a slow hash, not the code itself.
    """

    code: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^(scrypt:[0-9a-f]{32}:[0-9a-f]{64})?$",
            examples=["what outpost staff-code prints"],
        ),
    ] = ""


class Paths(Section, frozen=True):
    """[paths] where state, keys and sockets live; relative ones are relative to this file."""

    state: str = "/var/lib/outpost"
    keys: str = "/etc/outpost/keys"
    run: str = "/run/outpost"


class Deployment(Section, frozen=True):
    """The whole file."""

    clinic: Clinic
    kiosk: Kiosk
    gateway: Gateway
    device: tuple[Device, ...]
    services: Services = Services()
    screen: ScreenGeometry = ScreenGeometry()
    languages: Languages = Languages()
    limits: Limits = Limits()
    staff: Staff = Staff()
    paths: Paths = Paths()
