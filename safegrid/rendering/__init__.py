"""Pictures of boards and planes, text, and charts of numbers."""
