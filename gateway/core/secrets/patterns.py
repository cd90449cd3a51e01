"""What secrets look like: the detectors of detect-secrets, and the kinds that it lacks, or takes too long to find.

Each detector has marks, plain pieces of text of which one must be there: nearly every message has none, and looking for
them takes microseconds.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module


@dataclass(frozen=True, slots=True)
class Detector:
    """One kind of secret. `group` is the part of a match that is the secret; with `folded`, marks are in small letters
    and meet text in any.
    """

    kind: str
    marks: tuple[str, ...]
    pattern: str | None = None
    plugin: str | None = None
    group: int = 0
    folded: bool = False

    def found_in(self, text: str) -> Iterator[tuple[int, int]]:
        """Begin and end of each secret of this kind."""
        for pattern in _patterns(self):
            for match in pattern.finditer(text):
                yield match.span(self.group if pattern.groups >= self.group else 0)


@cache
def _patterns(detector: Detector) -> tuple[re.Pattern[str], ...]:
    if detector.pattern is not None:
        return (re.compile(detector.pattern),)
    assert detector.plugin is not None
    module, _, name = detector.plugin.partition(":")
    plugin = getattr(import_module(f"detect_secrets.plugins.{module}"), name)  # loaded when first needed: 18 MB
    return tuple(plugin.denylist)


_PRIVATE_KEY = (
    r"-----BEGIN[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?"
    r"(?:-----END[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)"
)
_HEADER = r"(?i)authorization[\"']?\s*[:=]\s*[\"']?(?:bearer|basic|token)\s+([A-Za-z0-9._~+/=-]{16,})"
_GITLAB = ("glpat-", "gldt-", "glft-", "glsoat-", "glrt-", "GR1348941", "glcbt-")

_PART = r"[A-Za-z0-9_-]"
_CLAIMS = rf"\.eyJ{_PART}{{8,}}\.{_PART}{{8,}}"
_JWT = rf"(?<!{_PART})(?={_PART}{{11,}}+{_CLAIMS}){_PART}*?(?<![A-Za-z0-9_])(eyJ{_PART}{{8,}}{_CLAIMS})"
"""Looked for once where its first part may begin, which other words may stand before with a hyphen."""

_DISCORD = r"[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,38}"
_US = tuple(f"-us{digit}" for digit in range(1, 10))

DETECTORS = (
    Detector("private_key", ("PRIVATE KEY",), _PRIVATE_KEY),
    Detector("age_key", ("AGE-SECRET-KEY-1",), r"AGE-SECRET-KEY-1[0-9A-Z]{40,}"),
    Detector("gateway_token", ("uag_",), r"uag_[A-Za-z0-9_-]{30,}"),
    Detector("gateway_token", ("uga_",), r"uga_[A-Za-z0-9_-]{30,}"),
    Detector("gateway_token", ("ugr_",), r"ugr_[A-Za-z0-9_-]{30,}"),
    Detector("aws_access_key", ("AKIA", "ASIA", "ABIA", "ACCA", "A3T"), plugin="aws:AWSKeyDetector", group=1),
    Detector("azure_storage_key", ("AccountKey=",), plugin="azure_storage_key:AzureStorageKeyDetector"),
    Detector("azure_client_secret", ("8Q~",), r"\b[A-Za-z0-9_~.]{3}8Q~[A-Za-z0-9_~.-]{31,34}"),
    Detector("artifactory", ("AKC",), r"(?:^|[\s=:\"'])(AKC[a-zA-Z0-9]{60,})", group=1),
    Detector("basic_auth", ("://",), r"://[^\s/:@\"'<>{}$]*:([^\s/@\"'<>{}$]{3,})@", group=1),
    Detector("bearer_header", ("authorization",), _HEADER, group=1, folded=True),
    Detector("discord_token", (".",), _DISCORD),
    Detector("discord_webhook", ("/api/webhooks/",), r"/api/webhooks/\d{15,}/([\w-]{50,})", group=1),
    Detector("github_token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), plugin="github_token:GitHubTokenDetector"),
    Detector("github_token", ("github_pat_",), r"github_pat_[A-Za-z0-9_]{50,}"),
    Detector("gitlab_token", _GITLAB, plugin="gitlab_token:GitLabTokenDetector"),
    Detector("jwt", ("eyJ",), _JWT, group=1),
    Detector("mailchimp_key", _US, r"\b[0-9a-f]{32}-us\d{1,2}\b"),
    Detector("npm_token", ("/:_authToken",), r"/:_authToken=\s*(npm_.+|[A-Fa-f0-9-]{36})", group=1),
    Detector("npm_token", ("npm_",), r"\bnpm_[A-Za-z0-9]{36}"),
    Detector("openai_key", ("T3BlbkFJ",), r"sk-[A-Za-z0-9_-]{0,100}[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}"),
    Detector("openai_key", ("sk-proj-", "sk-svcacct-", "sk-admin-"), r"\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{32,}"),
    Detector("anthropic_key", ("sk-ant-",), r"\bsk-ant-[A-Za-z0-9_-]{20,}"),
    Detector("openrouter_key", ("sk-or-",), r"\bsk-or-(?:v1-)?[a-f0-9]{32,}"),
    Detector("provider_key", ("sk-",), r"\bsk-[A-Za-z0-9]{32,}\b"),
    Detector("pypi_token", ("pypi-",), plugin="pypi_token:PypiTokenDetector"),
    Detector("sendgrid_key", ("SG.",), plugin="sendgrid:SendGridDetector"),
    Detector("slack_token", ("xox", "hooks.slack.com"), plugin="slack:SlackDetector"),
    Detector("slack_app_token", ("xapp-",), r"\bxapp-\d-[A-Z0-9]+-\d+-[a-f0-9]{32,}"),
    Detector("square_key", ("sq0csp-",), plugin="square_oauth:SquareOAuthDetector"),
    Detector("stripe_key", ("k_live_",), plugin="stripe:StripeDetector"),
    Detector("stripe_key", ("k_test_", "whsec_"), r"\b(?:[rs]k_test_[0-9a-zA-Z]{24,}|whsec_[A-Za-z0-9+/=]{24,})"),
    Detector("telegram_token", (":AA",), plugin="telegram_token:TelegramBotTokenDetector"),
    Detector("twilio_key", ("AC",), r"AC[a-f0-9]{32}\b"),
    Detector("twilio_key", ("SK",), r"SK[a-f0-9]{32}\b"),
    Detector("google_api_key", ("AIza",), r"\bAIza[0-9A-Za-z_-]{35}"),
    Detector("google_oauth", ("ya29.", "GOCSPX-"), r"\b(?:ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,})"),
    Detector("huggingface_token", ("hf_",), r"\bhf_[A-Za-z0-9]{30,}"),
    Detector("digitalocean_token", ("_v1_",), r"\bdo[opr]_v1_[a-f0-9]{64}"),
    Detector("shopify_token", ("shp",), r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    Detector("databricks_token", ("dapi",), r"\bdapi[a-f0-9]{32}"),
    Detector("groq_key", ("gsk_",), r"\bgsk_[A-Za-z0-9]{40,}"),
    Detector("xai_key", ("xai-",), r"\bxai-[A-Za-z0-9]{40,}"),
    Detector("perplexity_key", ("pplx-",), r"\bpplx-[A-Za-z0-9]{40,}"),
    Detector("replicate_token", ("r8_",), r"\br8_[A-Za-z0-9]{36,}"),
    Detector("notion_token", ("ntn_", "secret_"), r"\b(?:ntn_|secret_)[A-Za-z0-9]{40,}"),
    Detector("linear_key", ("lin_api_",), r"\blin_api_[A-Za-z0-9]{32,}"),
    Detector("figma_token", ("figd_",), r"\bfigd_[\w-]{32,}"),
    Detector("grafana_token", ("glsa_", "glc_"), r"\bgl(?:sa|c)_[A-Za-z0-9_+/=]{30,}"),
    Detector("vault_token", ("hvs.", "hvb."), r"\bhv[sb]\.[\w-]{24,}"),
    Detector("terraform_token", (".atlasv1.",), r"\b[A-Za-z0-9]{14}\.atlasv1\.[\w-]{60,}"),
    Detector("docker_token", ("dckr_pat_",), r"\bdckr_pat_[\w-]{27,}"),
    Detector("postman_key", ("PMAK-",), r"\bPMAK-[a-f0-9]{24}-[a-f0-9]{34}"),
    Detector("newrelic_key", ("NRAK-",), r"\bNRAK-[A-Z0-9]{27}"),
    Detector("doppler_token", ("dp.",), r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{40,}"),
    Detector("pulumi_token", ("pul-",), r"\bpul-[a-f0-9]{40}"),
    Detector("tailscale_key", ("tskey-",), r"\btskey-[a-z]+-[A-Za-z0-9]+-?[A-Za-z0-9]{16,}"),
    Detector("mailgun_key", ("key-",), r"\bkey-[a-f0-9]{32}\b"),
    Detector("atlassian_token", ("ATATT3",), r"\bATATT3[A-Za-z0-9_=-]{100,}"),
)  # fmt: skip
"""Every kind, the most telling first: what one has taken is not looked at by the next."""
