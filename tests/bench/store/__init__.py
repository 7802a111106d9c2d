"""``outpost bench store``: what durability costs, next to the disk and to what others offer.

``contenders.py`` are the queues, ``turns.py`` lets them take turns, ``accounting.py`` counts their
writes and fsyncs from outside, ``report.py`` holds the targets.
"""
