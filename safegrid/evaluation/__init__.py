"""How good is a policy? Playing it, recording it and scoring it."""
