"""Files of datasets from the web: fetched whole or not at all, and unpacked."""
