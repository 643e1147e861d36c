"""What a file holds and what is wrong with its counters, as one page to look at."""
