"""Rows of tables through models that have learned from columns of tables."""
