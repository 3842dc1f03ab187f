"""Torch's private parts, used where they save time and left alone where they do not fit.

Nothing else in this package touches them. Each use here is tried out or compared with what it
expects before it is believed, gives the same bits as the public way, and switches itself off while
a profiler or a compiler looks on (`gate`).
"""
