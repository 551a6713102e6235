"""kit in Python: the functions and objects that `import kit` offers in notebooks and programs."""
