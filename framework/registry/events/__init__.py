"""The events of a registry: changes of aliases, withdrawals of runs, and signatures added later."""
