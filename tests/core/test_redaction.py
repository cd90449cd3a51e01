"""Secrets are taken out of text, and hardly anything else: 200 planted ones of 47 kinds, 500 innocent strings."""

import base64
import hashlib
import json
import random
import string
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.core.secrets import crypto
from gateway.core.secrets.patterns import DETECTORS
from gateway.core.secrets.redaction import REDACTED, redact, redact_all

PROJECT = Path(__file__).resolve().parents[2]
ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
URL_SAFE = ALNUM + "_-"


def chosen(dice: random.Random, letters: str, length: int) -> str:
    return "".join(dice.choice(letters) for _ in range(length))


def jwt(dice: random.Random) -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": str(dice.random()), "admin": True})
    head = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*head, chosen(dice, URL_SAFE, 43)])


def private_key(dice: random.Random) -> str:
    lines = "\n".join(chosen(dice, ALNUM + "+/", 64) for _ in range(12))
    return f"-----BEGIN {'RSA '}PRIVATE KEY-----\n{lines}\n-----END RSA PRIVATE KEY-----"


KINDS: dict[str, Callable[[random.Random], str]] = {
    "aws access key": lambda d: "AKIA" + chosen(d, string.ascii_uppercase + string.digits, 16),
    "azure storage": lambda d: "AccountKey=" + chosen(d, ALNUM + "+/", 86) + "==",
    "azure client": lambda d: chosen(d, ALNUM, 3) + "8Q~" + chosen(d, ALNUM, 34),
    "artifactory": lambda d: "AKC" + chosen(d, ALNUM, 64),
    "discord bot": lambda d: "M" + chosen(d, ALNUM, 23) + "." + chosen(d, ALNUM, 6) + "." + chosen(d, URL_SAFE, 27),
    "github": lambda d: "ghp" + "_" + chosen(d, ALNUM, 36),
    "github fine": lambda d: "github_pat" + "_" + chosen(d, ALNUM, 22) + "_" + chosen(d, ALNUM, 59),
    "gitlab": lambda d: "glpat" + "-" + chosen(d, ALNUM, 20),
    "jwt": jwt,
    "mailchimp": lambda d: chosen(d, HEX, 32) + "-us" + str(d.randint(1, 20)),
    "npm": lambda d: "npm" + "_" + chosen(d, ALNUM, 36),
    "openai": lambda d: "sk-" + chosen(d, ALNUM, 20) + "T3Blbk" + "FJ" + chosen(d, ALNUM, 20),
    "openai project": lambda d: "sk-proj" + "-" + chosen(d, URL_SAFE, 74) + "x",
    "anthropic": lambda d: "sk-ant" + "-api03-" + chosen(d, URL_SAFE, 90),
    "openrouter": lambda d: "sk-or" + "-v1-" + chosen(d, HEX, 64),
    "pypi": lambda d: "pypi-" + "AgEIcHlwaS5vcmc" + chosen(d, ALNUM, 90),
    "sendgrid": lambda d: "SG" + "." + chosen(d, ALNUM, 22) + "." + chosen(d, ALNUM, 43),
    "slack": lambda d: "xox" + "b-" + chosen(d, string.digits, 12) + "-" + chosen(d, ALNUM, 24),
    "slack app": lambda d: "xapp" + "-1-A" + chosen(d, string.digits, 10) + "-1234567890-" + chosen(d, HEX, 64),
    "square": lambda d: "sq0csp" + "-" + chosen(d, ALNUM, 43),
    "stripe": lambda d: "sk" + "_live_" + chosen(d, ALNUM, 24),
    "telegram": lambda d: chosen(d, "123456789", 10) + ":AA" + chosen(d, ALNUM, 33),
    "twilio": lambda d: "SK" + chosen(d, HEX, 32),
    "google": lambda d: "AIza" + chosen(d, ALNUM, 35),
    "google oauth": lambda d: "ya29" + "." + chosen(d, ALNUM, 60),
    "huggingface": lambda d: "hf" + "_" + chosen(d, ALNUM, 34),
    "digitalocean": lambda d: "dop" + "_v1_" + chosen(d, HEX, 64),
    "shopify": lambda d: "shp" + "at_" + chosen(d, HEX, 32),
    "databricks": lambda d: "dapi" + chosen(d, HEX, 32),
    "groq": lambda d: "gsk" + "_" + chosen(d, ALNUM, 52),
    "replicate": lambda d: "r8" + "_" + chosen(d, ALNUM, 37),
    "notion": lambda d: "ntn" + "_" + chosen(d, ALNUM, 46),
    "linear": lambda d: "lin" + "_api_" + chosen(d, ALNUM, 40),
    "grafana": lambda d: "glsa" + "_" + chosen(d, ALNUM, 32) + "_" + chosen(d, HEX, 8),
    "vault": lambda d: "hvs" + "." + chosen(d, URL_SAFE, 90) + "x",
    "docker": lambda d: "dckr" + "_pat_" + chosen(d, ALNUM, 27),
    "gateway token": lambda d: crypto.new_api_token(),
    "private key": private_key,
    "random": lambda d: chosen(d, ALNUM + "+/", 44),
}
ASSIGNED: dict[str, Callable[[random.Random], tuple[str, str]]] = {
    "basic auth": lambda d: ("postgresql://app:{}@db.example.org:5432/app", chosen(d, ALNUM, 14)),
    "header": lambda d: ('curl -H "Authorization: Bearer {}" https://example.org/', chosen(d, ALNUM, 30)),
    "password quoted": lambda d: ('"password": "{}"', chosen(d, ALNUM, 6) + "7" + chosen(d, "!@%*", 3)),
    "password bare": lambda d: ("DB_PASSWORD={}", chosen(d, string.digits + ALNUM, 15) + "9x"),
    "password said": lambda d: ("My password is {} – keep it.", chosen(d, ALNUM, 8) + "7!"),
    "api key query": lambda d: ("https://example.org/v1?api_key={}&q=1", chosen(d, HEX, 32)),
    "secret yaml": lambda d: ("client_secret: {}", chosen(d, ALNUM, 20) + "42"),
    "discord webhook": lambda d: (
        "https://discord.com/api/webhooks/123456789012345678/{}",
        chosen(d, URL_SAFE, 68),
    ),
}
PLACES = (
    "{}",
    "Please use {} for the upload, thanks.",
    "export KEY={}\nexport OTHER=1",
    'config = {{"value": "{}", "retries": 3}}',
    "line one\n\t{}\nline three",
    "Schlüssel „{}“ – bitte löschen.",
)


def planted() -> list[tuple[str, str, str]]:
    """(kind, text, secret), the same at every run but for those that the product makes itself."""
    dice = random.Random(20)
    found = []
    for number, (kind, make) in enumerate(list(KINDS.items()) * 5):
        secret = make(dice)
        found.append((kind, PLACES[number % len(PLACES)].format(secret), secret))
    for kind, both in list(ASSIGNED.items()) * 3:
        frame, secret = both(dice)
        found.append((kind, frame.format(secret), secret))
    return found


def innocent() -> list[str]:
    """Prose, code, identifiers, fingerprints, addresses: what people really send."""
    dice = random.Random(21)
    prose = "\n".join(path.read_text(encoding="utf-8") for path in sorted((PROJECT / "docs").glob("*.md")))
    code = "\n".join(path.read_text(encoding="utf-8") for path in sorted((PROJECT / "gateway").rglob("*.py")))
    paragraphs = [text for text in prose.split("\n\n") if len(text) > 80]
    functions = [text for text in code.split("\n\n") if len(text) > 80 and "-----BEGIN" not in text]
    fingerprints = [hashlib.sha1(b"%d" % number, usedforsecurity=False).hexdigest() for number in range(25)] + [
        f"sha256:{hashlib.sha256(b'%d' % number).hexdigest()}" for number in range(25)
    ]
    integrity = [
        f'"integrity": "sha512-{base64.b64encode(hashlib.sha512(b"%d" % number).digest()).decode()}"'
        for number in range(25)
    ]
    pictures = [f"![plot](data:image/png;base64,{base64.b64encode(dice.randbytes(400)).decode()})" for _ in range(25)]
    fixed = [
        'password = os.environ["DB_PASSWORD"]', "api_key=settings.openai_api_key", "self.secret = secret",
        '<input type="password" name="password" autocomplete="current-password">', "token: str | None = None",
        "Reset your password: https://example.org/reset", '"password": "Passwort"', "max_tokens=4096",
        "password: <your password>", 'API_KEY = "your-api-key-here-1"', "SECRET_KEY=${SECRET_KEY_2}",
        "Set OPENAI_API_KEY before you start.", "The secret is out: version 2 ships today.",
        "https://docs.google.com/document/d/1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms/edit",
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ", "getUserAccountByIdentifierAndPasswordHash",
        "/usr/lib/x86_64-linux-gnu/libQt6WebEngineCore.so.6", "Donaudampfschifffahrtsgesellschaftskapitän",
        "ssh-ed25519 public keys are no secrets", "user:pass in a sentence", "git@github.com:owner/repository.git",
    ]  # fmt: skip
    ids = [str(uuid.UUID(int=dice.getrandbits(128))) for _ in range(40)]
    times = [f"2026-11-{day:02}T10:{day:02}:00Z run_{day:08d} finished in {day * 37} ms" for day in range(1, 25)]
    rest = fixed + fingerprints + integrity + pictures + ids + times
    wanted = 500 - len(rest)
    return rest + dice.sample(paragraphs, wanted // 2) + dice.sample(functions, wanted - wanted // 2)


def test_planted_secrets_of_every_kind_are_taken_out() -> None:
    cases = planted()
    assert len(cases) >= 200
    assert len({kind for kind, _, _ in cases}) >= 30
    missed = [
        (kind, text) for kind, text, secret in cases if secret in (left := redact(text).text) or REDACTED not in left
    ]
    assert missed == []


def test_what_is_around_a_secret_stays() -> None:
    secret = crypto.new_api_token()
    redacted = redact(f"Use {secret} and then {secret}.")
    assert redacted.text == f"Use {REDACTED} and then {REDACTED}."
    assert redacted.kinds == {"gateway_token": 2}
    assert redact(redacted.text).kinds == {}


def test_a_secret_of_which_a_part_looks_like_another_is_taken_out_whole() -> None:
    key = "AKIA" + "Q" * 16
    assert redact(f'password = "{key}/and!the2rest"').text == f'password = "{REDACTED}"'
    assert redact(f'password = "so!it2begins/{key}"').text == f'password = "{REDACTED}"'
    assert redact(f"{key}:{key}").text == f"{REDACTED}:{REDACTED}"


def test_no_letters_before_a_secret_hide_it() -> None:
    """Every letter, also those of which small ones take up more room."""
    for letters in ("".join(map(chr, range(0x20, 0xD800))), "".join(map(chr, range(0x10000, 0x20000)))):
        assert redact(f'{letters} password = "so!it2is"').text == f'{letters} password = "{REDACTED}"'


def test_hardly_any_innocent_text_is_touched() -> None:
    strings = innocent()
    assert len(strings) == 500
    touched = [(text[:200], dict(found.kinds)) for text in strings if (found := redact(text)).text != text]
    assert len(touched) <= 10, touched


def test_every_string_of_a_message_is_looked_at_but_pictures() -> None:
    secret = "AKIA" + "Q" * 16
    picture = f"data:image/png;base64,{base64.b64encode(secret.encode() * 9).decode()}"
    messages = [
        {"role": "user", "content": f"a {secret}"},
        {
            "role": "user",
            "content": [{"type": "text", "text": secret}, {"type": "image_url", "image_url": {"url": picture}}],
        },
        {"role": "assistant", "tool_calls": [{"function": {"name": "run", "arguments": json.dumps({"k": secret})}}]},
        {"role": "tool", "tool_call_id": "1", "content": f"result: {secret}"},
    ]
    redacted, kinds = redact_all(messages)
    assert secret not in json.dumps(redacted)
    assert redacted[1]["content"][1]["image_url"]["url"] == picture
    assert kinds == {"aws_access_key": 4}
    assert json.loads(redacted[2]["tool_calls"][0]["function"]["arguments"]) == {"k": REDACTED}


@pytest.mark.parametrize(
    "text", ["", "a" * 200_000, "-----BEGIN PRIVATE KEY-----" * 2000, "password=" * 20_000, "://" * 50_000]
)
def test_no_text_takes_long(text: str) -> None:
    assert isinstance(redact(text).text, str)


def test_a_jwt_that_carries_its_certificates_is_taken_out_whole() -> None:
    """Its header (RFC 7515, `x5c`) has some thousands of characters."""
    header = "eyJ" + chosen(random.Random(2), URL_SAFE, 6000)
    token = f"{header}.eyJzdWIiOiIxIn0abc.c2lnbmF0dXJlLW9mLWl0"
    assert redact(f"Authorization: Bearer {token} and on").text == f"Authorization: Bearer {REDACTED} and on"
    assert redact(f"see {token}").text == f"see {REDACTED}"


@pytest.mark.parametrize("before", ["", "see ", "token=", "x-", "é", "a-long-word.", "-eyJa-"])
def test_a_jwt_is_taken_out_whatever_stands_before_it(before: str) -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0abc.c2lnbmF0dXJlLW9mLWl0"
    assert token not in (left := redact(f"{before}{token} on").text)
    assert left.endswith(f"{REDACTED} on")


def test_many_beginnings_of_a_jwt_take_no_longer_than_one() -> None:
    [jwt] = [detector for detector in DETECTORS if detector.kind == "jwt"]

    def seconds(text: str) -> float:
        began = time.process_time()
        assert list(jwt.found_in(text)) == []
        return time.process_time() - began

    many, one = "-eyJ" * 50_000, "eyJ" + "a" * 200_000
    assert min(seconds(many) for _ in range(3)) < 10 * min(seconds(one) for _ in range(3))


def random_words(length: int) -> str:
    """Words that look random, with no space between them."""
    dice = random.Random(1)
    letters = string.ascii_letters + string.digits
    return ",".join("".join(dice.sample(letters, 36)) for _ in range(length // 37))


@pytest.mark.parametrize(
    "made",
    [
        random_words,
        lambda length: "password=" * (length // 9),
        lambda length: "password=x1" * (length // 11),
        lambda length: "eyJ-" * (length // 4),
        lambda length: "/:_authToken" + "/" * length,
        lambda length: "T3BlbkFJ" + "sk-" * (length // 3),
        lambda length: "T3BlbkFJ sk-" + "a" * length,
    ],
)
def test_time_grows_with_the_text_and_not_with_its_square(made: Callable[[int], str]) -> None:
    def seconds(text: str) -> float:
        began = time.process_time()
        redact(text)
        return time.process_time() - began

    small, large = made(50_000), made(400_000)
    redact(small)  # loads what is loaded when first needed
    assert min(seconds(large) for _ in range(2)) < 24 * min(seconds(small) for _ in range(4)), "8 it is, 64 the square"
