"""From the columns of a run to one matrix of probabilities."""
