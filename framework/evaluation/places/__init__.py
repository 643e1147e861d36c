"""How good predictions were at each counter and place."""
