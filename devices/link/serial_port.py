"""A peripheral on a serial port: UART, USB serial adapter or pty."""

from __future__ import annotations

import select
import termios

import serial

from devices.driver import LinkLost

_READ_BYTES = 4096
_WRITE_LIMIT_SECONDS = 1.5
"""Below the supervisor's hang limit: a stuck port is reported as lost, not killed as hung."""


class SerialLink:
    """Bytes over ``port`` at ``baud``, 8 data bits, no parity, 1 stop bit.

    The port is opened by the first read or write, exclusively (advisory lock): two drivers on one
    port would steal each other's answers.
    """

    def __init__(self, port: str, baud: int) -> None:
        self._port = port
        self._baud = baud
        self._serial: serial.Serial | None = None
        self._is_closed = False

    def read(self, wait_seconds: float) -> bytes:
        """Return what has arrived, waiting at most ``wait_seconds``; b"" on silence.

        Raises:
            LinkLost: the port is not there, is taken, or has gone away.
        """
        port = self._opened()
        try:
            # select rather than pyserial's timeout: setting that reconfigures the port each time.
            ready, _, _ = select.select([port.fileno()], [], [], max(0.0, wait_seconds))
            return bytes(port.read(_READ_BYTES)) if ready else b""
        except (
            OSError,
            ValueError,
            termios.error,
        ) as error:  # SerialException is an OSError; a pty raises bare
            raise self._lost("reading", error) from error

    def write(self, data: bytes) -> None:
        """Send all of ``data``.

        Raises:
            LinkLost: the port is not there, is taken, has gone away, or takes no more bytes.
        """
        port = self._opened()
        try:
            port.write(data)
        except serial.SerialTimeoutException as error:
            raise self._lost(f"took no bytes for {_WRITE_LIMIT_SECONDS} s", error) from error
        except (OSError, ValueError, termios.error) as error:
            raise self._lost("writing", error) from error

    def close(self) -> None:
        """Give the port back. Safe to call twice; the link stays closed."""
        self._is_closed = True
        self._let_go()

    def _opened(self) -> serial.Serial:
        if self._is_closed:
            raise LinkLost(f"{self._port}: the link has been closed")
        if self._serial is None:
            try:
                self._serial = serial.Serial(
                    self._port,
                    self._baud,
                    timeout=0,
                    write_timeout=_WRITE_LIMIT_SECONDS,
                    exclusive=True,
                )
                self._serial.reset_input_buffer()  # what was said before nobody asked for
            except (OSError, ValueError, termios.error) as error:
                raise self._lost("opening", error) from error
        return self._serial

    def _lost(self, doing: str, error: Exception) -> LinkLost:
        self._let_go()
        return LinkLost(f"{self._port}: {doing}: {error}")

    def _let_go(self) -> None:
        port, self._serial = self._serial, None
        if port is not None:
            try:
                port.close()
            except (OSError, termios.error):
                return  # a vanished adapter cannot be closed properly; its descriptor is gone
