"""The whole history of counters in few numbers a day; changes of level and direction in it."""
