"""What can be done with nodes."""

from gateway.core.resources import names

ACTIONS = {
    "nodes.join": "Join as a node",
    "nodes.leave": "Leave as a node",
    "nodes.read": "See nodes",
    "nodes.enable": "Let a node take work",
    "nodes.disable": "Stop a node's work, for others to do",
    "nodes.drain": "Let a node finish its work and take no more",
    "nodes.refresh": "Have a node look anew at what it can do",
    "nodes.carry_files": "Fetch and store files of any user, as a node on another machine",
    "nodes.remove": "Forget a node that is gone",
}

RESOURCES = (names("nodes"),)
