"""What must hold between the keys of a deployment file. Each rule reads only values that are good
on their own, so that one mistake is reported once."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator, Mapping
from typing import Final, TypeVar
from urllib.parse import urlsplit

from devices.messages import DeviceKind
from firmware.config.fields import Finding
from firmware.config.locator import KeyPath

DRIVERS: Final = {
    DeviceKind.ID_READER: ("samv",),
    DeviceKind.CASH_ACCEPTOR: ("ccnet",),
    DeviceKind.RECEIPT_PRINTER: ("escpos",),
}
"""Drivers this release carries for each kind of device."""

LANGUAGES: Final = ("zh", "en")
"""Languages the screen has a catalogue for."""

DENOMINATIONS_FEN: Final = (1000, 2000, 5000, 10000)
"""Banknotes a kiosk may take: 10, 20, 50 and 100 yuan."""

PIXELS_PER_MM: Final = (1.5, 12.0)
"""Below, text of readable size is coarser than its strokes; above, no panel exists."""

SQUARE_WITHIN: Final = 0.03
"""Largest relative difference of horizontal and vertical pixel density."""

LONGEST_SOCKET_PATH: Final = 107
"""Bytes of a Unix socket path on Linux without the final NUL: unix(7), sun_path."""

_LONGEST_SOCKET_NAME = "/devices.sock"

T = TypeVar("T")


class Values:
    """Good values of the file by key path, read with the type the model gave them."""

    def __init__(self, values: Mapping[KeyPath, object]) -> None:
        self._values = values

    def get(self, path: KeyPath, kind: type[T]) -> T | None:
        """Return the value at ``path``, or None when it was missing or wrong."""
        value = self._values.get(path)
        return value if isinstance(value, kind) else None

    def devices(self) -> range:
        """Return the positions of the [[device]] tables."""
        return range(self.get(("device",), int) or 0)


def check_rules(values: Mapping[KeyPath, object]) -> Iterator[Finding]:
    """Apply every rule to the values that passed validation on their own."""
    good = Values(values)
    for rule in (
        _timezone_exists,
        _gateway_address_is_usable,
        _device_drivers_exist,
        _devices_are_distinct,
        _services_have_their_devices,
        _pixels_are_square_and_real,
        _languages_have_catalogues,
        _warning_comes_before_the_end,
        _notes_are_known,
        _sockets_fit,
    ):
        yield from rule(good)


def _timezone_exists(values: Values) -> Iterator[Finding]:
    path = ("clinic", "timezone")
    name = values.get(path, str)
    if name is None:
        return
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        yield Finding(path, f"no time zone is called {name!r}", '"Asia/Shanghai"')


def _gateway_address_is_usable(values: Values) -> Iterator[Finding]:
    path = ("gateway", "url")
    url = values.get(path, str)
    if url is not None:
        right = "https:// host and, unless 443, a port, such as https://his.example:8443"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            yield Finding(path, f"{url!r} is no address: {error}", right)
            return
        is_plain = not (parts.username or parts.password or parts.query or parts.fragment)
        if not parts.hostname or port == 0 or not is_plain or any(c.isspace() for c in url):
            yield Finding(path, f"{url!r} is more or less than a host and a port", right)
    for name in ("ca", "receipt_key"):
        file = values.get(("gateway", name), str)
        if file is not None and not file.strip():
            yield Finding(("gateway", name), "is empty", "the name of a file in the key directory")


def _device_drivers_exist(values: Values) -> Iterator[Finding]:
    for index in values.devices():
        kind = values.get(("device", index, "kind"), DeviceKind)
        driver = values.get(("device", index, "driver"), str)
        if kind is not None and driver is not None and driver not in DRIVERS[kind]:
            yield Finding(
                ("device", index, "driver"),
                f"no driver {driver!r} for {kind.value}",
                " or ".join(f'"{name}"' for name in DRIVERS[kind]),
            )


def _devices_are_distinct(values: Values) -> Iterator[Finding]:
    for key, right in (
        ("name", "a name of its own"),
        ("port", "a port of its own; /dev/serial/by-id names do not move"),
    ):
        first: dict[str, int] = {}
        for index in values.devices():
            path = ("device", index, key)
            value = values.get(path, str)
            if value is None:
                continue
            if not value.strip():
                yield Finding(path, "is empty", right)
            elif value in first:
                other = f"device[{first[value] + 1}]"
                yield Finding(path, f"{value!r} is already the {key} of {other}", right)
            else:
                first[value] = index


def _services_have_their_devices(values: Values) -> Iterator[Finding]:
    if values.get(("device",), int) is None:
        return
    kinds = [values.get(("device", index, "kind"), DeviceKind) for index in values.devices()]
    if None in kinds:
        return  # the unreadable kind may be the one that is missed

    def add(kind: DeviceKind) -> str:
        return f'a [[device]] with kind = "{kind.value}"'

    cash, reader = DeviceKind.CASH_ACCEPTOR, DeviceKind.ID_READER
    if values.get(("services", "cash"), bool) and cash not in kinds:
        right = f"cash = false, or {add(cash)}"
        yield Finding(("services", "cash"), "is on, but there is no cash_acceptor", right)
    if values.get(("services", "register_today"), bool) and reader not in kinds:
        right = f"register_today = false, or {add(reader)}"
        path = ("services", "register_today")
        yield Finding(path, "is on, but there is no id_reader", right)
    if DeviceKind.RECEIPT_PRINTER not in kinds:
        right = add(DeviceKind.RECEIPT_PRINTER)
        yield Finding(("device",), "no receipt_printer: slips cannot print", right)


def _pixels_are_square_and_real(values: Values) -> Iterator[Finding]:
    width_px = values.get(("screen", "width_px"), int)
    height_px = values.get(("screen", "height_px"), int)
    width_mm = values.get(("screen", "width_mm"), float)
    height_mm = values.get(("screen", "height_mm"), float)
    if width_px is None or height_px is None or width_mm is None or height_mm is None:
        return
    across, down = width_px / width_mm, height_px / height_mm
    low, high = PIXELS_PER_MM
    if abs(across - down) > SQUARE_WITHIN * max(across, down):
        yield Finding(
            ("screen", "height_mm"),
            f"pixels are not square: {across:.2f} a millimetre across, {down:.2f} down",
            f"about {height_px / across:.0f} for this width",
        )
    elif not low <= across <= high:
        yield Finding(
            ("screen", "width_mm"),
            f"{across:.2f} pixels a millimetre is no real panel",
            f"{low:g} to {high:g} pixels a millimetre: measure the visible area",
        )


def _languages_have_catalogues(values: Values) -> Iterator[Finding]:
    path: KeyPath = ("languages", "available")
    available = values.get(path, tuple)
    if available is None:
        return
    right = "from " + ", ".join(f'"{name}"' for name in LANGUAGES)
    if not available:
        yield Finding(path, "is empty", right)
    for index, name in enumerate(available):
        if name not in LANGUAGES:
            yield Finding((*path, index), f"no language {name!r}", right)
        elif name in available[:index]:
            yield Finding((*path, index), f"{name!r} is listed twice", "each language once")
    default = values.get(("languages", "default"), str)
    if default is not None and available and default not in available:
        yield Finding(
            ("languages", "default"),
            f"{default!r} is not among the available languages",
            " or ".join(f'"{name}"' for name in available),
        )


def _warning_comes_before_the_end(values: Values) -> Iterator[Finding]:
    idle = values.get(("limits", "idle_seconds"), int)
    warning = values.get(("limits", "warning_seconds"), int)
    if idle is not None and warning is not None and warning >= idle:
        yield Finding(
            ("limits", "warning_seconds"),
            f"{warning} leaves no time to react before idle_seconds = {idle}",
            f"less than {idle}",
        )


def _notes_are_known(values: Values) -> Iterator[Finding]:
    path: KeyPath = ("limits", "accept_fen")
    notes = values.get(path, tuple)
    if notes is None:
        return
    right = ", ".join(f"{note} ({note // 100} yuan)" for note in DENOMINATIONS_FEN)
    if not notes and values.get(("services", "cash"), bool):
        yield Finding(path, "is empty, so no note would be taken", right)
    for index, note in enumerate(notes):
        if note not in DENOMINATIONS_FEN:
            yield Finding((*path, index), f"no banknote of {note} fen", right)
        elif note in notes[:index]:
            yield Finding((*path, index), f"{note} is listed twice", "each banknote once")


def _sockets_fit(values: Values) -> Iterator[Finding]:
    for name in ("state", "keys", "run"):
        directory = values.get(("paths", name), str)
        if directory is not None and not directory.strip():
            yield Finding(("paths", name), "is empty", "a directory")
    run = values.get(("paths", "run"), str)
    if run is not None and len(f"{run}{_LONGEST_SOCKET_NAME}".encode()) > LONGEST_SOCKET_PATH:
        longest = LONGEST_SOCKET_PATH - len(_LONGEST_SOCKET_NAME)
        yield Finding(
            ("paths", "run"),
            f"sockets in {run!r} would have longer names than the system allows",
            f"a directory with at most {longest} bytes in its full name",
        )
