"""Where messages go: web hooks, chats, mail, push services and this machine's own desktop."""
