"""Specification of the encrypted store."""
