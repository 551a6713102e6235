"""The search for a better configuration: space, study, trials, and the confirmation of what they find."""
