"""Losses of real trials, on which strategies of tuning can be compared."""
