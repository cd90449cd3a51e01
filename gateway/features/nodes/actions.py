"""What can be done with nodes."""

ACTIONS = {
    "nodes.join": "Join as a node",
    "nodes.leave": "Leave as a node",
    "nodes.read": "See nodes",
}
