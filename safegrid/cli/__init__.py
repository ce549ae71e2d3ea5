"""The command line: each file holds the commands that belong together."""
