"""Stepping of states: chance, compiled loops, lanes and the explicit model."""
