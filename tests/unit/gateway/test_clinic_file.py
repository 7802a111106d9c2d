"""The reference file: everything computed from it, and everything that is wrong with it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from store_forward.gateway.clinic import plan_day
from store_forward.gateway.clinic_file import BadClinicFile, load_clinic
from store_forward.gateway.pinyin import Spelling, search_words, spell
from tests.fakes.running_gateway import CLINIC

GOOD = """
[clinic]
slot_minutes = 30

[[title]]
key = "attending"
zh = "主治医师"
en = "Attending physician"
fee_fen = 2000

[[session]]
key = "am"
start = 08:00:00
end = 09:40:00

[[department]]
code = "NK"
zh = "内科"
en = "Internal medicine"
location_zh = "2 楼"
location_en = "Floor 2"
symptoms = ["头痛"]

[[department.doctor]]
code = "NK01"
zh = "乙二"
en = "Yi Er"
title = "attending"
specialty_zh = "普通内科"
specialty_en = "General"
room_zh = "201 诊室"
room_en = "Room 201"
sessions = ["am"]
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "clinic.toml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(tmp_path: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(BadClinicFile) as caught:
        load_clinic(write(tmp_path, text))
    return caught.value.faults


def test_symptoms_can_be_searched_by_word_pinyin_and_initials(tmp_path: Path) -> None:
    department = load_clinic(write(tmp_path, GOOD)).departments[0]
    assert (department.pinyin, department.initials) == ("neike", "nk")
    assert department.keywords == ("头痛", "toutong", "tt")


def test_the_fee_follows_from_the_title(tmp_path: Path) -> None:
    doctor = load_clinic(write(tmp_path, GOOD)).practices[0].doctor
    assert (doctor.fee_fen, doctor.title.en) == (2000, "Attending physician")


def test_slots_fill_the_session_and_never_pass_its_end(tmp_path: Path) -> None:
    sessions = list(plan_day(load_clinic(write(tmp_path, GOOD)), date(2026, 3, 2)))
    assert [(slot.number, slot.start, slot.end) for slot in sessions[0].slots] == [
        (1, "08:00", "08:30"),
        (2, "08:30", "09:00"),
        (3, "09:00", "09:30"),
    ]


def test_the_demonstration_clinic_is_complete() -> None:
    clinic = load_clinic(CLINIC)
    assert len(clinic.departments) >= 16
    sessions = list(plan_day(clinic, date(2026, 3, 2)))
    for department in clinic.departments:
        doctors = {
            practice.doctor.code
            for practice in clinic.practices
            if practice.doctor.department_code == department.code
        }
        assert 2 <= len(doctors) <= 4, department.code
        assert department.keywords, department.code
        assert doctors <= {session.doctor_code for session in sessions}
    slot_ids = [slot.slot_id for session in sessions for slot in session.slots]
    assert len(slot_ids) == len(set(slot_ids))
    names = [practice.doctor.name.zh for practice in clinic.practices]
    assert len(names) == len(set(names))
    for practice in clinic.practices:
        assert practice.doctor.name.en.replace(" ", "").lower() == practice.doctor.pinyin


def test_numbers_run_through_a_doctors_day() -> None:
    by_doctor: dict[str, list[int]] = {}
    for session in plan_day(load_clinic(CLINIC), date(2026, 3, 2)):
        numbers = [slot.number for slot in session.slots]
        by_doctor.setdefault(session.doctor_code, []).extend(numbers)
    for numbers in by_doctor.values():
        assert numbers == list(range(1, len(numbers) + 1))


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = (
        GOOD.replace("fee_fen = 2000", "fee_fen = -1")
        .replace('code = "NK"', 'code = "nk"')
        .replace("slot_minutes = 30", 'slot_minutes = 0\ntimezone = "Mars/Base"')
        + "\n[surprise]\n"
    )
    told = "\n".join(faults(tmp_path, text))
    for expected in (
        "surprise: unknown table",
        "clinic: Expected `int` >= 1 - at `$.slot_minutes`",
        "title #1: Expected `int` >= 0 - at `$.fee_fen`",
        "department #1: Expected `str` matching regex",
    ):
        assert expected in told, told


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('title = "attending"', 'title = "king"', "no [[title]] has the key 'king'"),
        ('sessions = ["am"]', 'sessions = ["pm"]', "no [[session]] has the key 'pm'"),
        ('sessions = ["am"]', 'sessions = ["am", "am"]', "names a session twice"),
        ("end = 09:40:00", "end = 07:00:00", "starts after its end"),
        ("[clinic]", '[clinic]\ntimezone = "Mars/Base"', "no IANA time zone"),
        ("[clinic]", "[clinic", "not TOML"),
        ("[[session]]", "[session]", "write it as [[session]] tables"),
        ('zh = "乙二"', 'zh = ""', "department #1.doctor #1"),
        ('en = "Yi Er"', 'en = "Yi Er"\nage = 40', "unknown field `age`"),
    ],
)
def test_a_fault_is_named_with_its_place(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert expected in "\n".join(faults(tmp_path, GOOD.replace(old, new)))


def test_codes_are_unique(tmp_path: Path) -> None:
    department = GOOD[GOOD.index("[[department]]") :]
    told = faults(tmp_path, GOOD + department)
    assert told == ("department code 'NK' is used 2 times", "doctor code 'NK01' is used 2 times")


def test_a_department_needs_a_doctor(tmp_path: Path) -> None:
    text = GOOD[: GOOD.index("[[department.doctor]]")]
    assert "has no [[department.doctor]]" in faults(tmp_path, text)[0]


def test_an_empty_file_says_what_is_needed(tmp_path: Path) -> None:
    told = "\n".join(faults(tmp_path, ""))
    for name in ("title", "session", "department"):
        assert f"at least one [[{name}]]" in told


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadClinicFile, match="cannot be read"):
        load_clinic(tmp_path / "absent.toml")
    path = tmp_path / "clinic.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadClinicFile, match="not UTF-8"):
        load_clinic(path)
    path.write_bytes(b"#" * 2_000_000)
    with pytest.raises(BadClinicFile, match="larger than"):
        load_clinic(path)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "clinic.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    load_clinic(path)


@pytest.mark.parametrize(
    ("word", "pinyin", "initials"),
    [
        ("耳鼻喉科", "erbihouke", "ebhk"),
        ("发热门诊", "faremenzhen", "frmz"),
        ("绿", "lv", "l"),
        ("B超", "bchao", "bc"),
    ],
)
def test_how_a_word_is_typed(word: str, pinyin: str, initials: str) -> None:
    assert spell(word) == Spelling(pinyin, initials)


def test_pinyin_can_be_overridden_for_a_character_with_two_readings(tmp_path: Path) -> None:
    text = GOOD.replace('zh = "乙二"', 'zh = "单二"\npinyin = "shan er"')
    doctor = load_clinic(write(tmp_path, text)).practices[0].doctor
    assert (doctor.pinyin, doctor.initials) == ("shaner", "se")


def test_search_words_are_told_once() -> None:
    assert search_words(["补牙", "拔牙"]) == ("补牙", "buya", "by", "拔牙", "baya")
