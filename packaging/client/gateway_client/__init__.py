"""A client of the User API Gateway: `Gateway(url, token)` has a method for each route."""

from .routes import Gateway
from .transport import Page, Problem, wait_until

__all__ = ["Gateway", "Page", "Problem", "wait_until"]
