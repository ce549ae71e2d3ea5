"""The kit of generated levels: random maps, random cells, and what can be reached on a map."""
