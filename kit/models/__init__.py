"""Model families, and the augmentation of images."""
