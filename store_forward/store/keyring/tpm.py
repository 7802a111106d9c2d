"""Seals a ring key to this machine's TPM 2.0 and to the state it was started in (PCRs)."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from store_forward.store.errors import KeyUnusable
from store_forward.store.keyring.envelope import KEY_BYTES, TpmSeal
from store_forward.store.keyring.tpm_tools import TpmRefused, TpmTools

DEFAULT_PCRS = "sha256:7"
"""Secure Boot: its state and whose signatures it takes (TCG PC Client Platform Firmware Profile,
3.3.4). It stays the same over updates of the image."""

_SELECTION = re.compile(r"sha256:\d{1,2}(,\d{1,2})*")
_LAST_PCR = 23
_DIGEST_BYTES = 32
_UNMEASURED = (bytes(_DIGEST_BYTES), b"\xff" * _DIGEST_BYTES)
"""What a register holds into which nothing was measured since the machine was started (TCG PC
Client Platform TPM Profile, 4.6.2): it would be the same for whatever is started."""

_INTEGRITY, _POLICY, _LOCKED = "0x1DF", "0x99D", "0x921"
"""TPM_RC_INTEGRITY of parameter 1, TPM_RC_POLICY_FAIL of session 1, TPM_RC_LOCKOUT (TPM 2.0
Library, part 2, 6.6.3), as tpm2-tools prints them."""

_ESCROW = "Open the envelope with the hospital's escrow key (outpost keys recover)"


class TpmWrapper:
    """Seals to the registers ``pcrs`` and opens what was sealed."""

    def __init__(self, tools: TpmTools, pcrs: str = DEFAULT_PCRS) -> None:
        self._tools = tools
        self._pcrs = pcrs

    def wrap(self, secret: bytes) -> TpmSeal:
        """Seal the secret.

        Raises:
            KeyUnusable: no TPM, a wrong selection, or a register into which nothing was measured.
        """
        numbers = parse_pcrs(self._pcrs, self._tools.device)
        with _folder() as name:
            folder = Path(name)
            try:
                digests = self._read(folder, self._pcrs, numbers)
                for number, digest in digests.items():
                    if digest in _UNMEASURED:
                        raise KeyUnusable(
                            self._tools.device,
                            f"nothing was measured into PCR {number} of this machine, so a key "
                            "sealed to it would open for whatever is started",
                            "Update the firmware, switch on Secure Boot, or choose other registers "
                            "(--pcrs)",
                        )
                public, private = self._seal(folder, secret)
            except TpmRefused as refused:
                raise _failed(self._tools, "seal", refused) from refused
        shown = {str(number): digest.hex() for number, digest in digests.items()}
        return TpmSeal(self._pcrs, shown, public, private)

    def unwrap(self, seal: TpmSeal) -> bytes:
        """What was sealed.

        Raises:
            KeyUnusable: another machine's TPM, another boot state, or no TPM at all.
        """
        numbers = parse_pcrs(seal.pcrs, self._tools.device)
        with _folder() as name:
            folder = Path(name)
            (folder / "pub").write_bytes(seal.public)
            (folder / "priv").write_bytes(seal.private)
            try:
                self._primary(folder)
                self._load(folder)
                secret = self._unseal(folder, seal, numbers)
            except TpmRefused as refused:
                raise _failed(self._tools, "open", refused) from refused
        if len(secret) != KEY_BYTES:
            raise KeyUnusable(self._tools.device, "the TPM's object holds no key", _ESCROW)
        return secret

    def _seal(self, folder: Path, secret: bytes) -> tuple[bytes, bytes]:
        run = self._tools.run
        self._primary(folder)
        run(folder, "tpm2_createpolicy", "--policy-pcr", "-l", self._pcrs, "-L", "policy")
        # No password opens it (userwithauth is missing), only the policy.
        attributes = ("-a", "fixedtpm|fixedparent|noda")
        policy = ("-L", "policy", "-i", "-")
        objects = ("-u", "pub", "-r", "priv")
        run(folder, "tpm2_create", "-C", "primary", *policy, *attributes, *objects, secret=secret)
        self._tools.flush(folder)
        return (folder / "pub").read_bytes(), (folder / "priv").read_bytes()

    def _primary(self, folder: Path) -> None:
        """The storage key, made anew from the TPM's own seed each time: nothing is kept in it."""
        arguments = ("-C", "o", "-g", "sha256", "-G", "ecc256", "-c", "primary")
        self._tools.run(folder, "tpm2_createprimary", *arguments)
        self._tools.flush(folder)

    def _load(self, folder: Path) -> None:
        objects = ("-u", "pub", "-r", "priv", "-c", "object")
        try:
            self._tools.run(folder, "tpm2_load", "-C", "primary", *objects)
        except TpmRefused as refused:
            if _INTEGRITY in refused.said:
                raise KeyUnusable(
                    self._tools.device,
                    "the key was sealed by another machine's TPM, or this one was cleared",
                    _ESCROW,
                ) from refused
            raise
        self._tools.flush(folder)

    def _unseal(self, folder: Path, seal: TpmSeal, numbers: tuple[int, ...]) -> bytes:
        run = self._tools.run
        # The session is salted with the storage key and encrypts the answer: who listens on the
        # wires between processor and TPM hears nothing.
        run(folder, "tpm2_startauthsession", "--policy-session", "-c", "primary", "-S", "session")
        try:
            run(folder, "tpm2_policypcr", "-S", "session", "-l", seal.pcrs)
            run(folder, "tpm2_sessionconfig", "session", "--enable-encrypt")
            return run(folder, "tpm2_unseal", "-c", "object", "-p", "session:session")
        except TpmRefused as refused:
            if _POLICY in refused.said:
                raise self._other_state(folder, seal, numbers) from refused
            raise
        finally:
            self._tools.flush(folder)

    def _other_state(self, folder: Path, seal: TpmSeal, numbers: tuple[int, ...]) -> KeyUnusable:
        now = self._read(folder, seal.pcrs, numbers)
        changed = [str(one) for one in numbers if now[one].hex() != seal.digests.get(str(one))]
        which = ", ".join(changed) or seal.pcrs
        return KeyUnusable(
            self._tools.device,
            "this machine was started otherwise than when the key was sealed "
            f"(PCR {which} changed: firmware, Secure Boot or boot loader)",
            f"Start it as before. If the change was yours: {_ESCROW[0].lower()}{_ESCROW[1:]}",
        )

    def _read(self, folder: Path, pcrs: str, numbers: tuple[int, ...]) -> dict[int, bytes]:
        self._tools.run(folder, "tpm2_pcrread", "-Q", pcrs, "-o", "digests")
        data = (folder / "digests").read_bytes()
        cut = [data[at : at + _DIGEST_BYTES] for at in range(0, len(data), _DIGEST_BYTES)]
        if len(cut) != len(numbers):
            raise KeyUnusable(
                self._tools.device, f"the TPM does not have all of {pcrs}", "Choose others (--pcrs)"
            )
        return dict(zip(numbers, cut, strict=True))


def parse_pcrs(text: str, device: Path) -> tuple[int, ...]:
    """Numbers of a selection like ``sha256:4,7``, ascending. Raises KeyUnusable."""
    if _SELECTION.fullmatch(text):
        numbers = [int(one) for one in text.removeprefix("sha256:").split(",")]
        if numbers == sorted(set(numbers)) and numbers[-1] <= _LAST_PCR:
            return tuple(numbers)
    raise KeyUnusable(
        device,
        f"{text!r} is no selection of registers",
        "Write for instance sha256:7 or sha256:4,7: numbers from 0 to 23, ascending",
    )


def _folder() -> tempfile.TemporaryDirectory[str]:
    """For the programs' context files; those hold no secret that the TPM has not encrypted."""
    return tempfile.TemporaryDirectory(prefix="outpost-tpm-")


def _failed(tools: TpmTools, verb: str, refused: TpmRefused) -> KeyUnusable:
    if _LOCKED in refused.said:
        return KeyUnusable(
            tools.device, "the TPM has locked itself for a while", "Leave it on and try later"
        )
    last = refused.said.splitlines()[-2:] if refused.said else ["no reason given"]
    return KeyUnusable(
        tools.device, f"the TPM would not {verb} the key ({' '.join(last)})", _ESCROW
    )
