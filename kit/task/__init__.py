"""The competition itself: labels, image shape, submission format."""
