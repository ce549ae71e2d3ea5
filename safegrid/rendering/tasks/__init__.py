"""Pictures of continuous tasks: Point tasks from above, control tasks from the side."""
