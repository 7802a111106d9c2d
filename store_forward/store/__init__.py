"""The kiosk's encrypted store: journal, outbox, allotments, reference data, network status."""

from store_forward.store.journal import Appended, Journal, Row
from store_forward.store.keys import StoreKey, create_key, load_key
from store_forward.store.network_status import SyncStatus
from store_forward.store.store import Role, Store

__all__ = [
    "Appended",
    "Journal",
    "Role",
    "Row",
    "Store",
    "StoreKey",
    "SyncStatus",
    "create_key",
    "load_key",
]
