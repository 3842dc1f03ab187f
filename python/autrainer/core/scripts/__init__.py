"""Addresses of the command line in existing projects."""
