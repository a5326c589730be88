#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes cron_vectors.tsv: what cron expressions mean, by two implementations that share nothing with the program.

croniter (python3-croniter) decides where it agrees with crontab(5) and no clock changes in the time looked at. A reference
of our own decides the rest: it looks at every minute of UTC, converts it with zoneinfo, and asks whether it matches.

    ./make_vectors.py > cron_vectors.tsv

The same seed gives the same file, as long as the zones' past does not change.
"""

import random
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from croniter import croniter

SEED = 20261123
UTC = timezone.utc
MINUTE = timedelta(minutes=1)
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DAYS = "sun mon tue wed thu fri sat".split()
FIELDS = [("minute", 0, 59), ("hour", 0, 23), ("day-of-month", 1, 31), ("month", 1, 12), ("day-of-week", 0, 6)]
ALIASES = {
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}

# Zone and the months in which its clocks changed.
CHANGES = [
    ("Europe/Berlin", [(2019, 3), (2019, 10), (2024, 3), (2024, 10), (2025, 3), (2025, 10)]),
    ("America/New_York", [(2019, 3), (2019, 11), (2024, 3), (2024, 11), (2025, 3)]),
    ("Australia/Lord_Howe", [(2018, 4), (2018, 10), (2024, 4), (2024, 10)]),
    ("America/Sao_Paulo", [(2017, 2), (2017, 10), (2018, 2), (2018, 11)]),
    ("Asia/Beirut", [(2018, 3), (2018, 10), (2021, 3), (2021, 10)]),
    ("Europe/Dublin", [(2022, 3), (2022, 10)]),
    ("America/Havana", [(2022, 3), (2022, 11)]),
    ("Antarctica/Troll", [(2021, 3), (2021, 10)]),
    ("Pacific/Apia", [(2011, 12), (2012, 4)]),
    ("Pacific/Chatham", [(2022, 4), (2022, 9)]),
    ("America/St_Johns", [(2022, 3), (2022, 11)]),
    ("Atlantic/Azores", [(2022, 3), (2022, 10)]),
    ("Asia/Pyongyang", [(2015, 8), (2018, 5)]),
    ("Africa/Casablanca", [(2015, 6), (2015, 7)]),
    ("Asia/Tehran", [(2021, 3), (2021, 9)]),
    ("America/Caracas", [(2016, 5)]),
]
QUIET_ZONES = ["UTC", "Asia/Kathmandu", "Asia/Tokyo", "America/Phoenix", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]

CHANGE_EXPRESSIONS = [
    "0 0 * * *", "30 0 * * *", "15 1 * * *", "30 1 * * *", "0 2 * * *", "15 2 * * *", "30 2 * * *", "45 2 * * *", "0 3 * * *",
    "30 23 * * *", "59 23 * * *", "* * * * *", "*/15 * * * *", "30 * * * *", "0 */2 * * *", "30 */3 * * *", "0 0-23 * * *",
    "20,40 0-3 * * *", "*/20 1-2 * * *", "0 0,12 * * *", "0 1-3 * * sun", "30 0-5/2 * * *", "30 2 * * sat,sun", "@daily", "@hourly",
    "5 * * * mon", "10 0 31 12 *", "0 2 * 3,10,11 *", "45 0-2 * * fri-sun", "H H(0-4) * * *", "H/20 2 * * *", "H */2 * * *",
]


def stable_hash(label, key):
    mask = (1 << 64) - 1
    value = 0xCBF29CE484222325
    for byte in f"{label}:{key}".encode():
        value = ((value ^ byte) * 0x100000001B3) & mask
    value = ((value ^ (value >> 33)) * 0xFF51AFD7ED558CCD) & mask
    value = ((value ^ (value >> 33)) * 0xC4CEB9FE1A85EC53) & mask
    return value ^ (value >> 33)


def number(text, label):
    names = {"month": MONTHS, "day-of-week": DAYS}.get(label, [])
    if text.lower() in names:
        return names.index(text.lower()) + (1 if label == "month" else 0)
    return int(text)


def expand(text, label, low, high, key):
    values = set()
    for item in text.split(","):
        body, _, step = item.partition("/")
        step = int(step) if step else None
        if body.startswith("H"):
            first, last = low, 28 if label == "day-of-month" else high
            if body != "H":
                first, last = (number(part, label) for part in body[2:-1].split("-"))
            hashed = stable_hash(label, key)
            if step is None:
                values.add(first + hashed % (last - first + 1))
            else:
                values.update(range(first + hashed % step, last + 1, step))
            continue
        if body == "*":
            first, last = low, high
        elif "-" in body:
            first, last = (number(part, label) for part in body.split("-"))
            if label == "day-of-week" and last == 0 and first > 0:
                last = 7
        else:
            first = number(body, label)
            last = high if step else first
        values.update(value % 7 if label == "day-of-week" else value for value in range(first, last + 1, step or 1))
    return values


class Expression:
    def __init__(self, text, key):
        self.fields = ALIASES.get(text, text).split()
        self.sets = [expand(field, *rule, key) for field, rule in zip(self.fields, FIELDS)]
        self.every_hour = len(self.sets[1]) == 24
        self.elapsed = self.every_hour or self.fields[1].startswith("*")
        self.both = self.fields[2].startswith("*") or self.fields[4].startswith("*")

    def matches(self, local):
        by_date = local.day in self.sets[2]
        by_weekday = (local.weekday() + 1) % 7 in self.sets[4]
        return (local.minute in self.sets[0] and local.hour in self.sets[1] and local.month in self.sets[3]
                and ((by_date and by_weekday) if self.both else (by_date or by_weekday)))


class Window:
    """Every minute of UTC from `begin` to `end` with its local time, and the local minutes that a change left out."""

    def __init__(self, zone, begin, end):
        self.minutes = []
        info = ZoneInfo(zone)
        before = None
        when = begin
        while when < end:
            local = when.astimezone(info)
            plain = local.replace(tzinfo=None, fold=0)
            skipped = []
            if before is not None:
                missing = before + MINUTE
                while missing < plain:
                    skipped.append(missing)
                    missing += MINUTE
            self.minutes.append((when, plain, local.fold == 1, skipped))
            before = plain
            when += MINUTE

    def slots(self, expression, after, count):
        found = []
        for when, local, again, skipped in self.minutes:
            if when <= after:
                continue
            fires = expression.matches(local) and not (again and not expression.elapsed)
            if not fires and not expression.every_hour:
                fires = any(expression.matches(missing) for missing in skipped)
            if fires:
                found.append(when)
                if len(found) == count:
                    break
        return found


def change_in(zone, year, month):
    info = ZoneInfo(zone)
    when = datetime(year, month, 1, tzinfo=UTC) - timedelta(days=1)
    while when.astimezone(info).utcoffset() == (when + MINUTE).astimezone(info).utcoffset():
        when += MINUTE
        assert when < datetime(year, month, 1, tzinfo=UTC) + timedelta(days=33), (zone, year, month)
    return when + MINUTE


def stamp(when):
    return when.strftime("%Y-%m-%dT%H:%MZ")


def emit(source, expression, key, zone, after, slots):
    print(source, expression, key, zone, stamp(after), ",".join(stamp(slot) for slot in slots), sep="\t")


def vectors_at_changes(rng):
    for zone, months in CHANGES:
        for year, month in months:
            change = change_in(zone, year, month)
            window = Window(zone, change - timedelta(hours=30), change + timedelta(hours=54))
            for text in CHANGE_EXPRESSIONS:
                key = rng.choice(["docs", "website", "infra"])
                expression = Expression(text, key)
                for after in (change - timedelta(minutes=rng.randrange(1, 200)), change + timedelta(minutes=rng.randrange(0, 90))):
                    slots = window.slots(expression, after, 3)
                    if slots:
                        emit("minutes", text, key, zone, after, slots)


def random_field(rng, label, low, high):
    names = {"month": MONTHS, "day-of-week": DAYS}.get(label)
    kind = rng.randrange(8)
    if kind <= 2:
        return "*"
    if kind == 3:
        return f"*/{rng.randrange(2, max(3, (high - low) // 2))}"
    if kind == 4:
        first, last = sorted(rng.sample(range(low, high + 1), 2))
        return f"{first}-{last}" + (f"/{rng.randrange(1, 4)}" if rng.random() < 0.5 else "")
    if kind == 5:
        return ",".join(str(value) for value in sorted(rng.sample(range(low, high + 1), rng.randrange(2, 4))))
    if names and kind == 6:
        first, last = sorted(rng.sample(range(len(names)), 2))
        return f"{names[first]}-{names[last]}" if rng.random() < 0.5 else names[first].upper()
    if label == "day-of-week" and rng.random() < 0.4:
        return rng.choice(["7", "5-7", "sun"])
    return str(rng.randrange(low, high + 1))


def croniter_agrees(text):
    """croniter takes */n in a day field for a restriction and 0-6 for none; to crontab(5) only the leading * counts."""
    if "H" in text:
        return False
    fields = Expression(text, "").fields
    sets = Expression(text, "").sets
    return not any(fields[i].startswith("*/") or (len(sets[i]) == size and fields[i] != "*") for i, size in ((2, 31), (4, 7)))


def vectors_on_the_calendar(rng, count):
    fixed = list(ALIASES) + [
        "0 0 29 2 *", "59 23 31 * *", "0 0 31 1-12/2 *", "0 0 30 * *", "0 12 28-31 2 *", "0 0 13 * fri", "0 0 1,15 * mon",
        "5 4 * * sun", "0 0 * * 7", "0 22 * * 1-5", "23 0-20/2 * * *", "5/15 * * * *", "0 0 1 1 0", "0 0 29 feb *", "15 3 1 */3 *",
        "0 0 * feb mon", "*/7 3-5 10 jun-aug *", "0 0 31 12 sat",
    ]
    done = 0
    while done < count:
        text = fixed[done // 6] if done < 6 * len(fixed) else " ".join(random_field(rng, *rule) for rule in FIELDS)
        if not croniter_agrees(text):
            continue
        zone = rng.choice(QUIET_ZONES)
        info = ZoneInfo(zone)
        after = datetime(2014, 1, 1, tzinfo=UTC) + rng.randrange(10 * 366 * 1440) * MINUTE
        local = after.astimezone(info).replace(tzinfo=None)
        try:
            times = croniter(text, local, max_years_between_matches=9)
            locals_found = [times.get_next(datetime) for _ in range(3)]
        except Exception:  # croniter refuses dates that never come
            continue
        slots = [slot.replace(tzinfo=info).astimezone(UTC) for slot in locals_found]
        # Where the clock changes between, the same in UTC.
        days = (slots[-1] - after).days + 2
        offsets = {(after + timedelta(days=day - 1)).astimezone(info).utcoffset() for day in range(min(days, 366) + 1)}
        if len(offsets) != 1:
            zone, after = "UTC", local.replace(tzinfo=UTC)
            slots = [slot.replace(tzinfo=UTC) for slot in locals_found]
        emit("croniter", text, "docs", zone, after, slots)
        done += 1


def vectors_of_our_own(rng, count):
    """Steps in day fields, H, ranges that end on Sunday: minute by minute, over forty days of UTC."""
    begin = datetime(2026, 2, 23, tzinfo=UTC)
    window = Window("UTC", begin, begin + timedelta(days=40))
    done = 0
    while done < count:
        fields = [random_field(rng, *rule) for rule in FIELDS]
        fields[2] = rng.choice(["*/2", "*/5", "1/3", "H", "H(1-9)", "H/4", "*", "28-31", "*,5"])
        fields[3] = rng.choice(["*", "H(2-3)", "feb-mar", "2,3"])
        fields[4] = rng.choice(["*/2", "fri-sun", "H", "mon", "*", "5-7", "sat-7", "0-6", "H(1-5)", "1/2"])
        if rng.random() < 0.5:
            fields[0], fields[1] = rng.choice(["H", "H/15", "H(0-29)", "H(0-29)/10"]), rng.choice(["H", "H/6", "H(9-17)"])
        text, key = " ".join(fields), rng.choice(["docs", "website", "infra", "a", "repository-1"])
        after = begin + rng.randrange(12 * 1440) * MINUTE
        slots = window.slots(Expression(text, key), after, 3)
        if slots:
            emit("minutes", text, key, "UTC", after, slots)
            done += 1


def vectors_of_days_of_the_week():
    """Each range of days, its ends as numbers and as names, judged by croniter."""
    after = datetime(2026, 5, 4, tzinfo=UTC)
    for first in ["0", "1", "3", "5", "6", "7", *DAYS]:
        for last in ["0", "1", "3", "5", "6", "7", *DAYS]:
            text = f"0 0 * * {first}-{last}"
            sets = Expression(text, "").sets if number(first, "day-of-week") <= number(last, "day-of-week") or last in ("0", "sun") else None
            if sets is None or not croniter_agrees(text):
                continue
            times = croniter(text, after.replace(tzinfo=None))
            emit("croniter", text, "docs", "UTC", after, [times.get_next(datetime).replace(tzinfo=UTC) for _ in range(3)])


def main():
    rng = random.Random(SEED)
    print(f"# Written by make_vectors.py, seed {SEED}. By whom, expression, name for H, zone, after, the next slots (UTC).")
    vectors_at_changes(rng)
    vectors_on_the_calendar(rng, 900)
    vectors_of_our_own(rng, 400)
    vectors_of_days_of_the_week()
    return 0


if __name__ == "__main__":
    sys.exit(main())
