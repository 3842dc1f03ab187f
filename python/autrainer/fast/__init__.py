"""Torch's private parts, used where they save time and left alone where they do not fit.

Nothing else in this package touches them. Each is looked up in one place (`gate.private`), tried
out or compared with what is expected before it is believed, and gives the same bits as the public
way, which is taken where torch has no such part, while a profiler or a compiler looks on, and
wherever `AUTRAINER_PRIVATE_TORCH=0` is set.
"""
