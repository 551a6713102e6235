"""The stages in order: what each command does, a function each."""
