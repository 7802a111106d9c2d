"""Loads the reference file (TOML) and tells all its faults at once."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from store_forward.contract.wire import Department, Doctor, Text
from store_forward.gateway.clinic import Clinic, Practice, Session
from store_forward.gateway.pinyin import Spelling, search_words, spell

LARGEST_FILE = 1_048_576
"""Bytes."""

Code = Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9][A-Z0-9-]{0,15}$")]
Key = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z_]{0,15}$")]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
Spelled = Annotated[str, msgspec.Meta(pattern=r"^[a-z]+( [a-z]+)*$")]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file."""


class ClinicSection(Section, frozen=True):
    """[clinic]"""

    timezone: str = "Asia/Shanghai"
    slot_minutes: Annotated[int, msgspec.Meta(ge=1, le=120)] = 10
    sells_past_slots: bool = False


class TitleSection(Section, frozen=True):
    """[[title]] a doctor's title (职称) and the registration fee that goes with it."""

    key: Key
    zh: Label
    en: Label
    fee_fen: Annotated[int, msgspec.Meta(ge=0, le=100_000)]


class SessionSection(Section, frozen=True):
    """[[session]] a part of the day."""

    key: Key
    start: time
    end: time


class DoctorSection(Section, frozen=True):
    """[[department.doctor]] ``pinyin`` (syllables with blanks) overrides the computed one."""

    code: Code
    zh: Label
    en: Label
    title: Key
    specialty_zh: Label
    specialty_en: Label
    room_zh: Label
    room_en: Label
    sessions: tuple[Key, ...]
    pinyin: Spelled | None = None


class DepartmentSection(Section, frozen=True):
    """[[department]] without its doctors."""

    code: Code
    zh: Label
    en: Label
    location_zh: Label
    location_en: Label
    symptoms: tuple[Label, ...] = ()
    introduction_zh: Words | None = None
    introduction_en: Words | None = None
    pinyin: Spelled | None = None


class BadClinicFile(Exception):
    """The reference file cannot be used. ``faults`` lists everything that is wrong with it."""

    def __init__(self, path: Path, faults: list[str]) -> None:
        lines = "\n".join(f"{path}: {fault}" for fault in faults)
        super().__init__(lines)
        self.faults = tuple(faults)


def load_clinic(path: Path) -> Clinic:
    """Read the file. Raises BadClinicFile with all faults."""
    return _Reader(path).read(_read_toml(path))


T = TypeVar("T")


class _Reader:
    """Collects faults while it builds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._faults: list[str] = []

    def read(self, raw: dict[str, Any]) -> Clinic:
        for key in sorted(raw.keys() - {"clinic", "title", "session", "department"}):
            self._faults.append(f"{key}: unknown table: remove it")
        section = self._convert(raw.get("clinic", {}), ClinicSection, "clinic")
        titles = {t.key: t for t in self._all(raw, "title", TitleSection)}
        sessions = {
            s.key: Session(s.key, s.start, s.end) for s in self._all(raw, "session", SessionSection)
        }
        for session in sessions.values():
            if session.start >= session.end:
                self._faults.append(f"session {session.key}: starts after its end")
        self._require(titles, "title")
        self._require(sessions, "session")
        departments, practices = self._departments(raw, titles, sessions)
        self._require(departments, "department")
        self._unique("department", [d.code for d in departments])
        self._unique("doctor", [p.doctor.code for p in practices])
        timezone = self._timezone(section.timezone) if section is not None else None
        if self._faults or section is None or timezone is None:
            raise BadClinicFile(self._path, self._faults)
        return Clinic(
            timezone,
            section.slot_minutes,
            section.sells_past_slots,
            tuple(departments),
            tuple(practices),
        )

    def _departments(
        self,
        raw: dict[str, Any],
        titles: dict[str, TitleSection],
        sessions: dict[str, Session],
    ) -> tuple[list[Department], list[Practice]]:
        departments: list[Department] = []
        practices: list[Practice] = []
        for where, table in self._tables(raw, "department"):
            doctors = list(self._tables(table, "doctor", f"{where}."))
            plain = {key: value for key, value in table.items() if key != "doctor"}
            section = self._convert(plain, DepartmentSection, where)
            if section is None:
                continue
            departments.append(_department(section))
            if not doctors:
                self._faults.append(f"{where} ({section.code}): has no [[department.doctor]]")
            for doctor_where, doctor_table in doctors:
                doctor = self._convert(doctor_table, DoctorSection, doctor_where)
                if doctor is not None and self._known(doctor, doctor_where, titles, sessions):
                    practices.append(_practice(doctor, section.code, titles, sessions))
        return departments, practices

    def _known(
        self,
        doctor: DoctorSection,
        where: str,
        titles: dict[str, TitleSection],
        sessions: dict[str, Session],
    ) -> bool:
        before = len(self._faults)
        if doctor.title not in titles:
            self._faults.append(f"{where}.title: no [[title]] has the key {doctor.title!r}")
        for key in doctor.sessions:
            if key not in sessions:
                self._faults.append(f"{where}.sessions: no [[session]] has the key {key!r}")
        if len(set(doctor.sessions)) != len(doctor.sessions):
            self._faults.append(f"{where}.sessions: names a session twice")
        return len(self._faults) == before

    def _all(self, raw: dict[str, Any], name: str, kind: type[T]) -> Iterator[T]:
        for where, table in self._tables(raw, name):
            section = self._convert(table, kind, where)
            if section is not None:
                yield section

    def _tables(
        self, raw: dict[str, Any], name: str, prefix: str = ""
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        tables = raw.get(name, [])
        if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
            self._faults.append(f"{prefix}{name}: write it as [[{name}]] tables")
            return
        for index, table in enumerate(tables, start=1):
            yield f"{prefix}{name} #{index}", table

    def _convert(self, raw: object, kind: type[T], where: str) -> T | None:
        try:
            return msgspec.convert(raw, kind)
        except msgspec.ValidationError as fault:
            self._faults.append(f"{where}: {fault}")
            return None

    def _timezone(self, name: str) -> ZoneInfo | None:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._faults.append(f"clinic.timezone: {name!r} is no IANA time zone")
            return None

    def _require(self, found: object, name: str) -> None:
        if not found and not any(fault.startswith(name) for fault in self._faults):
            self._faults.append(f"{name}: at least one [[{name}]] is needed")

    def _unique(self, name: str, codes: list[str]) -> None:
        for code, count in Counter(codes).items():
            if count > 1:
                self._faults.append(f"{name} code {code!r} is used {count} times")


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise BadClinicFile(path, [f"larger than {LARGEST_FILE} bytes"])
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as fault:
        raise BadClinicFile(path, [f"cannot be read: {fault.strerror}"]) from fault
    except UnicodeDecodeError as fault:
        raise BadClinicFile(path, [f"not UTF-8 at byte {fault.start}"]) from fault
    except tomllib.TOMLDecodeError as fault:
        raise BadClinicFile(path, [f"not TOML: {fault}"]) from fault


def _department(section: DepartmentSection) -> Department:
    spelling = _spelling(section.zh, section.pinyin)
    introduction = None
    if section.introduction_zh is not None and section.introduction_en is not None:
        introduction = Text(section.introduction_zh, section.introduction_en)
    return Department(
        code=section.code,
        name=Text(section.zh, section.en),
        location=Text(section.location_zh, section.location_en),
        pinyin=spelling.pinyin,
        initials=spelling.initials,
        keywords=search_words(section.symptoms),
        introduction=introduction,
    )


def _practice(
    section: DoctorSection,
    department_code: str,
    titles: dict[str, TitleSection],
    sessions: dict[str, Session],
) -> Practice:
    spelling = _spelling(section.zh, section.pinyin)
    title = titles[section.title]
    doctor = Doctor(
        code=section.code,
        department_code=department_code,
        name=Text(section.zh, section.en),
        pinyin=spelling.pinyin,
        initials=spelling.initials,
        title=Text(title.zh, title.en),
        specialty=Text(section.specialty_zh, section.specialty_en),
        fee_fen=title.fee_fen,
    )
    ordered = sorted((sessions[key] for key in section.sessions), key=lambda each: each.start)
    return Practice(doctor, Text(section.room_zh, section.room_en), tuple(ordered))


def _spelling(chinese: str, override: str | None) -> Spelling:
    if override is None:
        return spell(chinese)
    syllables = override.split(" ")
    return Spelling("".join(syllables), "".join(syllable[0] for syllable in syllables))
