"""Keeps one worker process per peripheral alive."""
