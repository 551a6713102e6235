"""What can be trained, and how training images are changed."""
