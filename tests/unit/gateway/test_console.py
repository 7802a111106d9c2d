"""The operator's page and rows: for the operator alone. Cases are decided there."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import httpx
import msgspec
import pytest

from store_forward.contract.facts import NoteCredited
from store_forward.contract.resolutions import (
    CaseVerdict,
    ExceptionReport,
    ParkedEntry,
    ResolutionPage,
    Verdict,
)
from store_forward.contract.signing import is_countersigned
from store_forward.gateway import rules
from store_forward.gateway.allotments import SaleVerdict
from store_forward.gateway.console_words import NOTES, REASONS, SECTIONS
from tests.fakes.journal_of import JournalOf
from tests.unit.gateway.bench import KIOSK, RECEIPT_KEY
from tests.unit.gateway.http_kiosk import TOKEN, Kiosk, a_batch, problem

OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
PARKED = "parked:inc-1:2"


def rows(kiosk: Kiosk) -> dict[str, Any]:
    answer: dict[str, Any] = kiosk.client.get("/console/rows", headers=OPERATOR).json()
    return answer


def case(kiosk: Kiosk, case_id: str) -> dict[str, Any]:
    return next(row for row in rows(kiosk)["cases"] if row["case_id"] == case_id)


def decide(
    kiosk: Kiosk, case_id: str, headers: dict[str, str] | None = None, **told: str
) -> httpx.Response:
    """As the page's script sends what its form holds."""
    form = {"device": KIOSK, "verdict": "settled", "by": "staff-7", "note": "booked_by_hand"}
    return kiosk.client.post(
        f"/v1/cases/{case_id}/resolve",
        json={**form, **told},
        headers=OPERATOR if headers is None else headers,
    )


@pytest.fixture(name="cases")
def _cases(kiosk: Kiosk) -> JournalOf:
    """An entry that was recorded and rejected, and one the kiosk holds parked."""
    journal = JournalOf(KIOSK)
    journal.record(NoteCredited(None, "n-1", -5), entry_id="e-1")
    journal.record(NoteCredited(None, "n-2", 1000), entry_id="e-2")
    kiosk.post("/v1/batches", msgspec.json.encode(journal.batch(1, 1)))
    before, own = journal.hashes[1].hex(), journal.hashes[2].hex()
    parked = ParkedEntry(2, own, before, "e-2", "kiosk", "note_credited", "http_400", 1)
    report = ExceptionReport(KIOSK, "inc-1", (parked,))
    kiosk.post("/v1/exceptions", msgspec.json.encode(report))
    return journal


def test_the_operator_sees_rows_with_the_token_only(kiosk: Kiosk) -> None:
    kiosk.post("/v1/batches", a_batch())
    for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
        assert problem(kiosk.client.get("/console/rows", headers=header)) == (
            401,
            "operator_token",
        )
    shown = rows(kiosk)
    assert [row["entry_id"] for row in shown["transactions"]] == ["e-1"]
    assert set(shown) == {
        "alarms",
        "batches",
        "cases",
        "devices",
        "free_slots",
        "ledger",
        "lost",
        "registrations",
        "slots",
        "streams",
        "transactions",
    }
    assert set(shown) == set(SECTIONS), "each has a heading"


def test_a_device_signature_does_not_open_the_console(kiosk: Kiosk) -> None:
    assert problem(kiosk.get("/console/rows")) == (401, "operator_token")


def test_the_console_page_loads_nothing_from_elsewhere(kiosk: Kiosk) -> None:
    page = kiosk.client.get("/console")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in page.text
    assert kiosk.client.get("/console/console.js").status_code == 200
    assert kiosk.client.get("/console/console.css").status_code == 200


def test_each_open_case_says_what_it_is_about_and_what_can_be_decided(
    kiosk: Kiosk, cases: JournalOf
) -> None:
    rejected, parked = case(kiosk, "gw:inc-1:1"), case(kiosk, PARKED)
    assert (rejected["meaning"], rejected["verdicts"]) == ("金额无效", ["settled", "withdrawn"])
    assert (parked["meaning"], parked["verdicts"]) == (
        "记录未能上传，自助机已暂存（http_400）",
        ["settled", "withdrawn", "resend"],
    )


def test_what_the_form_offers_is_what_the_gateway_takes(kiosk: Kiosk) -> None:
    page = unescape(kiosk.client.get("/console").text)
    choices = re.findall(r'name="verdict" value="([^"]*)"', page)
    notes = [each for each in re.findall(r'<option value="([^"]*)"', page) if each]
    assert sorted(choices) == sorted(verdict.value for verdict in Verdict)
    assert notes == list(NOTES)
    for verdict in choices:
        for note in notes:
            form = {"device": KIOSK, "verdict": verdict, "by": "staff-7", "note": note}
            msgspec.convert(form, CaseVerdict)
    for said in ("处理结果", "处理方式", "经办人工号", "确认处理", "作废", "重新上传"):
        assert said in page


@pytest.mark.parametrize(
    ("case_id", "verdict"),
    [("gw:inc-1:1", "settled"), ("gw:inc-1:1", "withdrawn"), (PARKED, "resend")],
)
def test_a_decision_closes_the_case_and_goes_out_signed(
    kiosk: Kiosk, cases: JournalOf, case_id: str, verdict: str
) -> None:
    assert decide(kiosk, case_id, verdict=verdict).status_code == 200
    closed = case(kiosk, case_id)
    assert closed["closed_at"] is not None
    assert closed["verdicts"] == []
    assert rows(kiosk)["cases"][-1]["case_id"] == case_id, "open ones come first"

    answer = kiosk.get("/v1/resolutions?incarnation=inc-1")
    (told,) = msgspec.json.decode(answer.content, type=ResolutionPage).resolutions
    assert is_countersigned(told, RECEIPT_KEY.public_key())
    assert (told.verdict, told.by, told.note) == (verdict, "staff-7", "booked_by_hand")


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}], ids=["none", "wrong"])
def test_nobody_decides_without_the_token(
    kiosk: Kiosk, cases: JournalOf, header: dict[str, str]
) -> None:
    assert problem(decide(kiosk, PARKED, header)) == (401, "operator_token")
    assert case(kiosk, PARKED)["closed_at"] is None


def test_a_kiosk_does_not_decide_about_its_own_entries(kiosk: Kiosk, cases: JournalOf) -> None:
    told = CaseVerdict(KIOSK, Verdict.SETTLED, "staff-7", "booked_by_hand")
    answer = kiosk.post(f"/v1/cases/{PARKED}/resolve", msgspec.json.encode(told))
    assert problem(answer) == (401, "operator_token")


def test_a_form_of_another_page_decides_nothing(kiosk: Kiosk, cases: JournalOf) -> None:
    """Browsers send forms across sites, but neither with this header nor as this media type."""
    form = {"device": KIOSK, "verdict": "settled", "by": "staff-7", "note": "booked_by_hand"}
    path = f"/v1/cases/{PARKED}/resolve"
    assert problem(kiosk.client.post(path, data=form)) == (401, "operator_token")
    sent = kiosk.client.post(path, data=form, headers=OPERATOR)
    assert problem(sent) == (415, "unsupported_media_type")
    assert case(kiosk, PARKED)["closed_at"] is None


@pytest.mark.parametrize(
    ("told", "status", "code"),
    [
        ({"by": ""}, 422, "invalid"),
        ({"by": "甲"}, 422, "invalid"),
        ({"verdict": "perhaps"}, 422, "invalid"),
        ({"device": "QH-99"}, 404, "unknown_case"),
    ],
    ids=["nobody", "not a word", "no verdict", "another kiosk"],
)
def test_what_is_no_decision_is_refused_with_words_the_page_knows(
    kiosk: Kiosk, cases: JournalOf, told: dict[str, str], status: int, code: str
) -> None:
    assert problem(decide(kiosk, PARKED, OPERATOR, **told)) == (status, code)
    assert f'"{code}"' in kiosk.client.get("/console/console.js").text


def test_a_second_opinion_is_refused(kiosk: Kiosk, cases: JournalOf) -> None:
    decide(kiosk, PARKED, verdict="withdrawn")
    assert problem(decide(kiosk, PARKED, verdict="settled")) == (409, "decided_otherwise")
    assert problem(decide(kiosk, "gw:inc-1:1", verdict="resend")) == (409, "nothing_to_resend")


def test_reasons_are_told_in_the_words_of_a_hospital() -> None:
    assert {verdict.value for verdict in SaleVerdict if verdict is not SaleVerdict.GOOD} < set(
        REASONS
    )
    assert {f"parent_{outcome.value}" for outcome in rules.FAILED} < set(REASONS)
    assert rules.ENTRIES_LOST in REASONS
    assert all(re.search("[一-龥]", text) for text in REASONS.values())
