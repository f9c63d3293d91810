"""The checks of `dcign-doctor`: each section is a set of facts, names and short texts that are printed as they come."""
