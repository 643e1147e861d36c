"""The formats of tables: which one a file has, and the rows of CSV and JSON as Arrow tables of texts."""
