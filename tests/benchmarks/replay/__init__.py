"""Strategies of tuning, replayed on a table of real trials."""
