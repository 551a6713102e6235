"""Start workers, feed them and stop them."""
