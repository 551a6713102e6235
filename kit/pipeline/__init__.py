"""The stages in order: what each command does, a function each."""

from kit.pipeline.cross_validation import Watcher, cv

__all__ = ["Watcher", "cv"]
