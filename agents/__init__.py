"""Each file is an agent; its name is that of the file."""
