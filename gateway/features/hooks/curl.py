"""The line of a shell that posts an example to a hook. Pure."""

from typing import Any


def line(verify: str, options: dict[str, Any], url: str) -> str:
    """A line for a shell that posts an example, signed with `$HOOK_SECRET`."""
    headers = {"Content-Type": "application/json"}
    mac = "openssl dgst -sha256 -hmac \"$HOOK_SECRET\" | sed 's/^.* //'"
    before, body = "", 'body=\'{"text": "hello"}\'; '
    match verify:
        case "standard_webhooks":
            key = "$(printf %s \"${HOOK_SECRET#whsec_}\" | base64 -d | od -An -tx1 | tr -d ' \\n')"
            before = "id=msg_$RANDOM; time=$(date +%s); "
            sign = f'openssl dgst -sha256 -mac HMAC -macopt "hexkey:{key}" -binary | openssl base64 -A'
            headers |= {"webhook-id": "$id", "webhook-timestamp": "$time",
                        "webhook-signature": f'v1,$(printf %s "$id.$time.$body" | {sign})'}  # fmt: skip
        case "github":
            headers |= {"X-GitHub-Event": "push", "X-Hub-Signature-256": f'sha256=$(printf %s "$body" | {mac})'}
        case "slack":
            before = "time=$(date +%s); "
            headers |= {"X-Slack-Request-Timestamp": "$time",
                        "X-Slack-Signature": f'v0=$(printf %s "v0:$time:$body" | {mac})'}  # fmt: skip
        case "hmac":
            stamp = options.get("timestamp_header")
            before = "time=$(date +%s); " if stamp else ""
            signed = '"$time.$body"' if stamp else '"$body"'
            algorithm = options.get("algorithm", "sha256")
            last = "-binary | openssl base64 -A" if options.get("encoding") == "base64" else "| sed 's/^.* //'"
            sign = f'printf %s {signed} | openssl dgst -{algorithm} -hmac "$HOOK_SECRET" {last}'
            headers |= {stamp: "$time"} if stamp else {}
            headers[options.get("header", "X-Signature")] = f"{options.get('prefix', '')}$({sign})"
        case "token" if field := options.get("field"):
            body = f'body="{{\\"{field}\\": \\"$HOOK_SECRET\\", \\"text\\": \\"hello\\"}}"; '
        case "token":
            name = options.get("header", "Authorization")
            headers[name] = "Bearer $HOOK_SECRET" if name.lower() == "authorization" else "$HOOK_SECRET"
        case _:
            return "Discord signs with a key of its own: send it the URL as the interactions endpoint."
    shown = " ".join(f'-H "{name}: {value}"' for name, value in headers.items())
    return f'{before}{body}curl -sS {shown} -d "$body" {url}'
