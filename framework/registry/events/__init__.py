"""The events of a registry: changes of aliases, and withdrawals of runs."""
