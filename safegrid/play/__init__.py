"""How does a person look at it? Playing, inspecting and filming episodes."""
