"""Power cuts at every operation: what was acknowledged is there afterwards, whatever the disk did.

``recorder/`` writes down what real processes (``workloads/``) do to their files, ``disk.py`` knows
what a disk may keep of it, ``replayer.py`` builds the disk as of any cut, ``judge.py`` starts from
it as a kiosk does and compares with what had been promised. ``docs/durability.md`` tells more.
"""
