"""Combine the columns of a run into an ensemble."""
