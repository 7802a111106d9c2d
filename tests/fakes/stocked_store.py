"""What sync writes into a store: the made-up clinic's data, leases, the state of the network."""

from __future__ import annotations

import msgspec

from store_forward.contract.wire import ReferenceChange, ReferencePage
from store_forward.store.boot_id import boot_id
from store_forward.store.network_status import SyncStatus
from store_forward.store.store import Store
from tests.fakes import made_up_clinic as clinic

AS_OF = "2026-07-13T01:30:00Z"


def stock(store: Store, *, online: bool = True) -> None:
    """Write everything a kiosk needs to sell slots of doctor D1."""
    for name, records in (
        ("departments", clinic.DEPARTMENTS),
        ("doctors", clinic.DOCTORS),
        ("schedules", clinic.SCHEDULES),
    ):
        changes = tuple(
            ReferenceChange(one.code, msgspec.Raw(msgspec.json.encode(one))) for one in records
        )
        store.reference.apply(ReferencePage(name, "c1", AS_OF, changes))
    store.allotments.replace_leases([clinic.lease(n) for n in range(1, 5)], AS_OF)
    store.network_status.write_status(SyncStatus(online, AS_OF, AS_OF, 0.0, clock_boot=boot_id()))
