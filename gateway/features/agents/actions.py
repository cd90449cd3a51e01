"""What the agent does with its own tools; with those that reach other rooms it does what those rooms call it."""

from gateway.core.resources import rows

from .models import AgentQuestion

ACTIONS = {
    "agents.run": "Have the agent run commands and scripts in the sandbox, and keep files there",
    "agents.browse": "Have the agent read web pages",
    "agents.use_connector": "Have the agent use connectors, each operation under its own action",
    "agents.delegate": "Have the agent give work to agents below it",
    "agents.read": "See the agent's steps",
    "questions.read": "See what the agent asks",
    "questions.answer": "Answer what the agent asks",
}

RESOURCES = (rows("questions", AgentQuestion, listed=("questions.read",)),)
