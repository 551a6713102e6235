"""Readers, one per form of the data."""
