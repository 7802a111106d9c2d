"""The encrypted kiosk database: journal as outbox, allotments, reference cache."""
