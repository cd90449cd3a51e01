"""Lines of a crontab: they end where cron has them end."""

from gateway.features.schedules import crontab


def test_no_sign_but_a_line_feed_ends_a_line() -> None:
    """What else Python takes for the end of a line is a part of the command."""
    odd = "printf 'one\u2028two\x0cthree\x85'"
    found = list(crontab.entries(f"# of mine\r\n0 5 * * * {odd}\r\n@daily true"))
    assert [(each.line, each.cron, each.command) for each in found] == [(2, "0 5 * * *", odd), (3, "@daily", "true")]
