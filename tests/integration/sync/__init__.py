"""Sync against the real gateway, both in real files and over real TLS."""
