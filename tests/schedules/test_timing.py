"""When cron, once and intervals are due: against cronsim, over clock changes, and for what never comes."""

from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, repeat
from zoneinfo import ZoneInfo

import pytest

from gateway.features.schedules import timing
from gateway.features.schedules.timing import Timing
from tests.schedules.walks import ZONES, expressions, is_due, walked


def test_time_zones_and_clock_changes_are_those_of_cronsim_in_a_sample() -> None:
    begin, end = datetime(2025, 3, 20, tzinfo=UTC), datetime(2025, 4, 10, tzinfo=UTC)
    cases = zip(expressions(80), ZONES * 2, strict=True)
    found = [walked(expression, zone, begin, end, taken_up=1) for expression, zone in cases]
    assert [each for walk in found for each in walk.different] == []


AROUND = ("30 2 * * *", "*/20 * * * *", "0 */2 * * *", "15 0-3 * * *", "0 0 * * *", "*/15 2 * * *", "*/30 0,23 * * *")


@pytest.mark.parametrize("zone", ZONES)
def test_times_around_every_clock_change_of_a_year_are_those_of_debian(zone: str) -> None:
    """In four hours before and after each change, minute by minute."""
    for change in changes(zone, 2025):
        begin = change - timedelta(hours=4)
        minutes = [begin + count * timedelta(minutes=1) for count in range(1, 8 * 60 + 1)]
        for expression in AROUND:
            wanted = [minute for minute in minutes if is_due(expression, zone, minute)]
            found = timing.times(Timing(cron=expression, zone=zone, end_at=minutes[-1]), begin)
            assert list(found) == wanted, expression
            again = [timing.after(Timing(cron=expression, zone=zone), before) for before in (begin, *wanted[:-1])]
            assert again[: len(wanted)] == wanted, expression


def changes(zone: str, year: int) -> list[datetime]:
    """The hours of a year in which the zone's offset changes."""
    local = ZoneInfo(zone)
    days = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=count) for count in range(365)]
    return [
        hour
        for day in days
        if offset(day, local) != offset(day + timedelta(days=1), local)
        for hour in (day + timedelta(hours=count) for count in range(24))
        if offset(hour, local) != offset(hour + timedelta(hours=1), local)
    ]


def offset(moment: datetime, zone: ZoneInfo) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()


@pytest.mark.soak
@pytest.mark.parametrize("zone", ZONES)
def test_time_zones_and_clock_changes_are_those_of_cronsim_for_all(zone: str) -> None:
    """Every time that 500 expressions have in a zone from 2024 to 2040: about two and a half million in each."""
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(walked, expressions(500, seed=2), repeat(zone), chunksize=5))
    mistaken = sum(walk.peer_mistaken for walk in found)
    print(f"\n{sum(walk.count for walk in found):,} times; cronsim was mistaken at {mistaken:,}")
    assert [each for walk in found for each in walk.different] == []


BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("cron", "begin", "wanted"),
    [
        ("30 2 * * *", "2026-03-28T20:00Z", ["2026-03-29T01:00Z", "2026-03-30T00:30Z"]),
        ("0,30 2 * * *", "2026-03-28T20:00Z", ["2026-03-29T01:00Z", "2026-03-30T00:00Z"]),
        ("30 2 * * *", "2026-10-24T20:00Z", ["2026-10-25T00:30Z", "2026-10-26T01:30Z"]),
        ("30 2 * * *", "2026-10-25T00:45Z", ["2026-10-26T01:30Z"]),
        ("30 * * * *", "2026-10-25T00:15Z", ["2026-10-25T00:30Z", "2026-10-25T01:30Z", "2026-10-25T02:30Z"]),
        ("*/30 * * * *", "2026-03-29T00:40Z", ["2026-03-29T01:00Z", "2026-03-29T01:30Z"]),
    ],
    ids=["left out", "two left out", "shown twice", "taken up in the second hour", "wildcard, twice", "wildcard, gap"],
)
def test_clock_changes_are_those_of_debian(cron: str, begin: str, wanted: list[str]) -> None:
    found = islice(timing.times(Timing(cron=cron, zone=BERLIN), at(begin)), len(wanted))
    assert list(found) == [at(each) for each in wanted]


@pytest.mark.parametrize(
    ("cron", "zone", "begin", "wanted"),
    [
        ("*/15 3 * * *", "Pacific/Chatham", "2026-04-04T12:00Z", "03:00 03:15 03:30 03:00 03:15 03:30 03:45 03:00"),
        ("*/15 2 * * *", "Australia/Lord_Howe", "2026-04-04T12:00Z", "02:00 02:15 02:30 02:45 02:00"),
        ("*/30 0 * * *", "Africa/Cairo", "2026-04-23T12:00Z", "00:00 00:30 00:00"),
    ],
    ids=["back at a quarter to", "back by half an hour", "midnight left out"],
)
def test_clocks_are_read_where_cronsim_alone_misses_times_or_goes_round(
    cron: str, zone: str, begin: str, wanted: str
) -> None:
    found = list(islice(timing.times(Timing(cron=cron, zone=zone), at(begin)), len(wanted.split())))
    assert " ".join(f"{timing.in_zone(each, zone):%H:%M}" for each in found) == wanted
    assert found == sorted(set(found))


def test_the_newest_are_found_over_a_change_at_a_quarter_to() -> None:
    """Backwards, too, cronsim alone goes round there."""
    chatham = Timing(cron="*/15 2 * * *", zone="Pacific/Chatham")
    begin, until = at("2026-01-01T00:00Z"), at("2026-04-04T15:00Z")
    every = [each for each in islice(timing.times(chatham, begin), 500) if each <= until]
    assert timing.newest(chatham, begin, until, 20) == (every[-20:], True)


def test_intervals_are_elapsed_time_across_a_clock_change() -> None:
    every = Timing(every_s=10, zone=BERLIN, start_at=at("2026-10-25T00:59:30Z"))
    found = list(islice(timing.times(every, at("2026-10-25T00:59:30Z")), 400))
    assert {after - before for before, after in pairwise(found)} == {timedelta(seconds=10)}


def test_an_interval_begins_at_its_start_and_ends_with_its_end() -> None:
    every = Timing(every_s=60, start_at=at("2026-01-01T00:00:05Z"), end_at=at("2026-01-01T00:02:05Z"))
    found = [each.isoformat() for each in timing.times(every, at("2020-01-01T00:00Z"))]
    assert found == ["2026-01-01T00:00:05+00:00", "2026-01-01T00:01:05+00:00", "2026-01-01T00:02:05+00:00"]


def test_a_start_that_fits_is_the_first_time() -> None:
    hourly = Timing(cron="@hourly", start_at=at("2026-01-01T10:00Z"))
    assert timing.after(hourly, at("2020-01-01T00:00Z")) == at("2026-01-01T10:00Z")


def test_once_is_once() -> None:
    once = Timing(at=at("2026-01-01T10:00Z"))
    assert timing.after(once, at("2026-01-01T09:59:59Z")) == at("2026-01-01T10:00Z")
    assert timing.after(once, at("2026-01-01T10:00Z")) is None


@pytest.mark.parametrize(
    "each", [Timing(cron="* * * * *"), Timing(every_s=60, start_at=datetime(2010, 1, 1, tzinfo=UTC))]
)
def test_of_ten_years_of_minutes_the_newest_are_found_at_once(each: Timing) -> None:
    begin, until = at("2016-01-01T00:00Z"), at("2026-01-01T00:00Z")
    found, more = timing.newest(each, begin, until, 100)
    assert more
    assert len(found) == 100
    assert (found[0], found[-1]) == (until - timedelta(minutes=99), until)


@pytest.mark.parametrize("endless", [Timing(every_s=3e8), Timing(cron="0 0 29 2 */7", zone="Asia/Tokyo")])
def test_times_end_with_the_calendar(endless: Timing) -> None:
    """Every ten years or so, and each 29 February that is a Sunday."""
    found = [
        timing.in_zone(each, endless.zone) for each in islice(timing.times(endless, at("2026-01-01T00:00Z")), 1000)
    ]
    assert 200 < len(found) < 1000
    assert found[-1].year > 9950


def test_the_newest_of_few_are_all() -> None:
    found, more = timing.newest(Timing(cron="0 * * * *"), at("2026-01-01T00:00Z"), at("2026-01-01T05:30Z"), 5)
    assert (len(found), more) == (5, False)


@pytest.mark.parametrize(
    ("cron", "problem"),
    [
        ("0 0 30 2 *", "no such day comes"),
        ("0 0 31 4,6 *", "no such day comes"),
        ("61 * * * *", "the minute 61 is not possible; write 0 to 59, *, a list, a range or a step"),
        ("* 24 * * *", "the hour 24 is not possible; write 0 to 23,"),
        ("* * * 13 *", "the month 13 is not possible; write 1 to 12 or JAN to DEC,"),
        ("* * * * 8", "the day-of-week 8 is not possible; write 0 to 7 or SUN to SAT,"),
        ("*/0 * * * *", "the minute */0 is not possible"),
        ("5-1 * * * *", "the minute 5-1 is not possible"),
        ("0 0 32 2 *", "the day-of-month 32 is not possible; write 1 to 31,"),
        ("* * * *", "write five fields"),
        ("0 * * * * *", "write five fields"),
        ("", "write five fields"),
        ("@reboot", "there is no @reboot here"),
        ("@every 5m", "there is no @every 5m here"),
        ("a b c d e", "not possible"),
        ("٣ * * * *", "not possible"),
        ("1#2 * * * *", "not possible"),
        ("* * * * L", "not possible"),
    ],
)
def test_what_is_no_cron_is_said_in_words(cron: str, problem: str) -> None:
    assert problem in (timing.cron_problem(cron) or "")


@pytest.mark.parametrize("cron", ["@hourly", "@DAILY", "*/5 * * * *", "0 9 * * mon-fri", "0 0 29 2 *", "0 0 L * 5"])
def test_what_is_cron_is_taken(cron: str) -> None:
    assert timing.cron_problem(cron) is None


@pytest.mark.parametrize(
    ("described", "words"),
    [
        (Timing(cron="0 9 * * 1-5"), "At 09:00, Monday through Friday"),
        (Timing(cron="*/15 * * * *"), "Every 15 minutes"),
        (Timing(cron="@daily"), "At 00:00"),
        (Timing(cron="0 0 1 * 5"), "At 00:00, on day 1 of the month, or on Friday"),
        (Timing(cron="0 0 */2 * 1"), "At 00:00, every 2 days, and only on Monday"),
        (Timing(every_s=90), "Every 90 seconds"),
        (Timing(every_s=3600), "Every hour"),
        (Timing(every_s=172_800), "Every 2 days"),
        (Timing(at=datetime(2026, 3, 29, 1, tzinfo=UTC), zone=BERLIN), "Once, at 03:00:00 on 29 March 2026"),
    ],
)
def test_a_timing_is_said_in_plain_english(described: Timing, words: str) -> None:
    assert timing.describe(described) == words


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)
