"""Episodes for people to look at: games, an inspector and videos."""
