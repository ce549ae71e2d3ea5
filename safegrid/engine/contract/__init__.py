"""What a file of envs/ or agents/ declares: read and checked once, when it is loaded."""
