"""One agent a file; the file's name is the agent's name."""
