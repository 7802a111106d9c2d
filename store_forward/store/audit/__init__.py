"""The auditor's view of a journal; shares no code with what writes it."""
