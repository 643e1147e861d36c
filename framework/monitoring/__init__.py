"""Which counters are broken, and what kind of day it was."""
