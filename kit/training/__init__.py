"""From a plan of members to their results."""
