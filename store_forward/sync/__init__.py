"""Drains the journal to the gateway and pulls reference data: pure engine, HTTPS client."""
