"""The actions of the conformance lab."""

from gateway.core.resources import names

ACTIONS = {
    "conformance.read": "See which clients are simulated, and with what",
    "conformance.run": "Ask the gateway's own OpenAI routes as a client does",
}

RESOURCES = (names("conformance"),)
