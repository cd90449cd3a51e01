"""What every route shares, and all of the core that knows Flask: the door, the answers, how errors look."""
