"""The actions of the conformance lab."""

ACTIONS = {
    "conformance.read": "See which clients are simulated, and with what",
    "conformance.run": "Ask the gateway's own OpenAI routes as a client does",
}
