"""Resident identity card readers: SAM-V."""
