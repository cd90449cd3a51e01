"""Lines of a crontab: they end where cron has them end, and take no more time and room than they are long."""

import time

import pytest

from gateway.features.schedules import crontab


def test_no_sign_but_a_line_feed_ends_a_line() -> None:
    """What else Python takes for the end of a line is a part of the command."""
    odd = "printf 'one\u2028two\x0cthree\x85'"
    found = list(crontab.entries(f"# of mine\r\n0 5 * * * {odd}\r\n@daily true"))
    assert [(each.line, each.cron, each.command) for each in found] == [(2, "0 5 * * *", odd), (3, "@daily", "true")]


@pytest.mark.parametrize(
    "text",
    [
        f"A=x{' ' * 190_000}y\n@daily true",
        f"@daily cat%END_OF_INPUT{'_' * 190_000}",
    ],
    ids=["blanks in a setting", "the mark of an input"],
)
def test_no_text_takes_long(text: str) -> None:
    """They took more than a minute, and twelve seconds."""
    began = time.process_time()
    assert len([crontab.payload_of(entry) for entry in crontab.entries(text)]) == 1
    assert time.process_time() - began < 5


def test_an_input_ends_at_a_mark_that_is_not_in_it() -> None:
    (entry,) = crontab.entries("@daily cat%END_OF_INPUT__%END_OF_INPUT%END_OF_INPUT_")
    content = crontab.payload_of(entry)["script"]
    assert content == {
        "content": "cat <<'END_OF_INPUT___'\nEND_OF_INPUT__\nEND_OF_INPUT\nEND_OF_INPUT_\nEND_OF_INPUT___\n"
    }


def test_an_entry_has_no_more_settings_than_it_takes_to_be_refused_and_the_last_of_each_name() -> None:
    text = "".join(f"V{number}=1\n" for number in range(200))
    (entry,) = crontab.entries(f"{text}V7 = 'two  words' \n@daily true")
    assert (len(entry.env), entry.env["V7"]) == (101, "two  words")
