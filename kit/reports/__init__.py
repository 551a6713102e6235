"""The figures of a run, and how people read them."""
