"""The CSV files of a dataset: their cells, and what is made of them."""
