"""The pipeline `ahead`: the coming days of every counter, from its newest counts, the calendar and the weather."""
