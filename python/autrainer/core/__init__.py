"""Addresses that existing projects import; everything here lives in another package."""
