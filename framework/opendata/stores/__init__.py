"""Stores of counts: a folder of one file a month, on disk or in a bucket, and its manifest."""
