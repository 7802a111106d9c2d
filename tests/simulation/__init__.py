"""Kiosks and a gateway in one process, a network that does its worst, and what must hold anyway.

``outpost test --fuzz`` runs the same machine for thousands of random stories.
"""
