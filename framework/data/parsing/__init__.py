"""Published values to numbers, times and places: each parser looks at the distinct values of a column only.

A year of counts has half a million rows, but fifty counters and nine thousand hours. A value that cannot be parsed
becomes missing; `bike_traffic.data.checking.rules` reports where and why.
"""
