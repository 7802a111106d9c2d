"""A disk that refuses: every file operation fails once and for good, with every error a disk has.

``injector/`` makes a call of this process fail, ``exercises.py`` are what a kiosk does to its
files, ``sweep.py`` does each again and again, with one call later failing each time, and looks
afterwards whether what was promised is there and what was refused is not.
"""
