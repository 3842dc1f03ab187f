"""One HTML file about the runs of experiments: what it says and how it is drawn."""
