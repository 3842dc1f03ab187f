"""Checks a sweep before it runs: nothing is trained, written or downloaded."""
