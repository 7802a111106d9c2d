"""The mirror: a second, sealed copy of the journal's unacknowledged end beside the database."""
