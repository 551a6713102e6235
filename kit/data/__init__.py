"""Fetch, read, check and split the competition's data."""
