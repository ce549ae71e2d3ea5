"""What is attainable? Exact anchors, frontiers, plans and values by dynamic programming."""
