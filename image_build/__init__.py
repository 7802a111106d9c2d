"""The image recipe: from Debian packages and this repository to a disk image.

Knows nothing of the other packages; it installs them as a finished wheel set.
"""
