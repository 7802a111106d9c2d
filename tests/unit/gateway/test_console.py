"""The operator's page and rows: for the operator alone."""

from __future__ import annotations

from tests.unit.gateway.http_kiosk import TOKEN, Kiosk, a_batch, problem


def test_the_operator_sees_rows_with_the_token_only(kiosk: Kiosk) -> None:
    kiosk.post("/v1/batches", a_batch())
    for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
        assert problem(kiosk.client.get("/console/rows", headers=header)) == (
            401,
            "operator_token",
        )
    rows = kiosk.client.get("/console/rows", headers={"Authorization": f"Bearer {TOKEN}"}).json()
    assert [row["entry_id"] for row in rows["transactions"]] == ["e-1"]
    assert set(rows) == {
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


def test_a_device_signature_does_not_open_the_console(kiosk: Kiosk) -> None:
    assert problem(kiosk.get("/console/rows")) == (401, "operator_token")


def test_the_console_page_loads_nothing_from_elsewhere(kiosk: Kiosk) -> None:
    page = kiosk.client.get("/console")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in page.text
    assert kiosk.client.get("/console/console.js").status_code == 200
    assert kiosk.client.get("/console/console.css").status_code == 200
