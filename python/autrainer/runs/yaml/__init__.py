"""The YAML files of a run: written for every reader, read from every version."""
