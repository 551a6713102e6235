"""Confirm the best trials on folds and seeds that the search did not use."""
