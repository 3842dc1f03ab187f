"""Draws the curves of a run beside it, so that neither training nor the exit waits long."""

from __future__ import annotations
