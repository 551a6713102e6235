"""The task: labels, image shape, ids, submission format."""
