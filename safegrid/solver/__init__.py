"""What is attainable on a level: exact anchors, frontiers, plans and values of policies."""
