"""The commands of `safegrid`: each file a Typer app of the commands that belong together."""
