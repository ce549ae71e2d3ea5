"""How does a person look at an episode? Games, an inspector and videos."""
