"""Published policies: data that is checked against a level and played without agents' code."""
