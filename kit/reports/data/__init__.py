"""The page of `kit data check`."""
