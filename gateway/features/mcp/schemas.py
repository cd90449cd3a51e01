"""What clients of the MCP server read before they sign in."""

from gateway.core.schemas import Out


class ProtectedResource(Out):
    """Metadata of a protected resource (RFC 9728). No authorization server: tokens come from the gateway itself."""

    resource: str
    resource_name: str = "User API Gateway"
    resource_documentation: str
    authorization_servers: list[str] = []
    bearer_methods_supported: list[str] = ["header"]
