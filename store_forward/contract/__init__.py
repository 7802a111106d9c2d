"""What kiosk and HIS both mean: facts, the journal entry around them, batches and receipts."""
