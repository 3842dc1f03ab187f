"""Training that is tried and thrown away, to find values for a configuration."""
