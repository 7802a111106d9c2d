"""The HIS side: API, ledger, allotments, receipts."""
