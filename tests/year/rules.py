"""What the desk's rules say (`D1` to `D20`, PRODUCT.md section 8) of one recording: its days, its purposes, who asks for it.

Written from the rules alone, for `checker.py`: no code of retrocall's, no library besides the standard one.
"""

import calendar
import datetime
import functools
from datetime import date, timedelta

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1)
HOUR = 3600
NEVER = 1 << 60
# The request that a call itself has made, before its id is told.
OF_CALL = "the call's own"


# The desk's zone: Europe/Amsterdam, by the rule of the European Union, so that no list of zones is needed.


def last_sunday(year, month):
    last = calendar.monthrange(year, month)[1]
    day = date(year, month, last)
    return day - timedelta(days=(day.weekday() + 1) % 7)


def at_utc(day, hour):
    return int((datetime.datetime(day.year, day.month, day.day, hour) - EPOCH).total_seconds())


@functools.cache
def summer(year):
    return at_utc(last_sunday(year, 3), 1), at_utc(last_sunday(year, 10), 1)


def offset(at):
    begins, ends = summer((EPOCH + timedelta(seconds=at)).year)
    return (2 if begins <= at < ends else 1) * HOUR


def local(at):
    return EPOCH + timedelta(seconds=at + offset(at))


def from_local(then):
    seconds = int((then - EPOCH).total_seconds())
    for hours in (2, 1):
        if offset(seconds - hours * HOUR) == hours * HOUR:
            return seconds - hours * HOUR
    # In the hour that the clock leaves out: as if it had not been moved yet.
    return seconds - HOUR


def add_months(day, months):
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    return day.replace(year=year, month=month, day=min(day.day, calendar.monthrange(year, month)[1]))


def days_after(at, days):
    return from_local(local(at) + timedelta(days=days))


def months_after(at, months):
    return from_local(add_months(local(at), months))


def end_of(day):
    return from_local(datetime.datetime(day.year, day.month, day.day) + timedelta(days=1))


class Version:
    """What the desk has set, from a moment on."""

    def __init__(self, since, settings):
        self.since, self.settings = since, settings
        self.free_days = {date.fromisoformat(day) for day in settings["free_days"]}

    def get(self, name):
        return self.settings["periods"][name]

    def end_of_working_day(self, at, number):
        day = local(at).date()
        while number > 0:
            day += timedelta(days=1)
            if day.weekday() < 5 and day not in self.free_days:
                number -= 1
        return end_of(day)


# The purposes, each with what has happened to it. `term` says until when it is in force by one version.


class Quality:
    def __init__(self):
        # Which lines have happened to it.
        self.known = set()
        self.over = self.left = self.held = self.settled = None
        self.learned = self.disputed = False

    def take(self, what, at, _event):
        if self.over is not None:
            return
        if what in ("no-finding", "private-call", "let-go", "upheld", "objected"):
            self.over = at
        elif what == "learning-moment":
            self.learned = True
        elif what == "evaluation-held" and self.learned and self.held is None:
            self.held = at
        elif what == "note-objected" and self.learned:
            self.disputed = True
        elif what == "objection-settled" and self.disputed:
            self.disputed, self.settled = False, at
        elif what == "agent-left" and self.left is None:
            self.left = at

    def term(self, recording, version):
        if self.over is not None:
            return self.over
        most = months_after(min(recording.began, recording.ended), version.get("quality_max_months"))
        if self.disputed:
            return most
        if self.left is not None:
            return min(most, max(self.left, self.settled or 0))
        if not self.learned:
            return min(most, days_after(recording.ended, version.get("quality_unheard_days")))
        if self.held is None:
            return most
        return min(most, max(days_after(self.held, version.get("quality_dispute_days")), self.settled or 0))


class Incident:
    """A press, or what a case needs of it."""

    def __init__(self):
        self.known = set()
        self.over = self.needed = self.closed = self.judged = None

    def take(self, what, at, event):
        if self.over is not None:
            return
        if what == "dismissed":
            self.over = at
        elif what == "case-opened":
            self.needed = at
        elif what == "still-needed" and self.closed is None:
            self.needed = at
        elif what == "case-closed":
            self.closed = at
            self.judged = date.fromisoformat(event["judged"]) if event.get("judged") else None
        elif what == "case-reopened" and self.closed is not None:
            self.closed, self.needed = None, at

    def term(self, recording, version):
        if self.over is not None:
            return self.over
        if self.closed is not None:
            taken_back = self.closed + version.get("case_closed_hours") * HOUR
            if self.judged is None:
                return taken_back
            judged = min(self.judged, local(self.closed).date())
            return max(taken_back, end_of(add_months(judged, version.get("case_appeal_months"))))
        if self.needed is not None:
            asked = days_after(self.needed, version.get("still_needed_days"))
            return days_after(asked, version.get("still_needed_grace_days"))
        working = version.end_of_working_day(recording.ended, version.get("incident_working_days"))
        return min(working, days_after(recording.ended, version.get("incident_max_days")))


class Asked:
    """What a request needs of a recording: its copy, until the request is answered or its time is over. (The request itself holds it for longer.)"""

    def __init__(self, received=None):
        self.known = set()
        self.received, self.extended, self.over = received, None, None

    def take(self, what, at, event):
        if what == "request-received":
            self.received = date.fromisoformat(event["received"])
        elif what == "request-extended" and self.extended is None:
            self.extended = at
        elif what in ("answered", "excluded") and self.over is None:
            self.over = at

    def term(self, _recording, version):
        if self.received is None:
            # After a restore perhaps nobody knows when.
            return NEVER if self.over is None else self.over
        months = version.get("request_months")
        ends = end_of(add_months(self.received, months))
        if self.extended is not None and self.extended < ends:
            ends = end_of(add_months(self.received, months + version.get("request_extension_months")))
        return ends if self.over is None else min(ends, self.over)


class Request:
    """Somebody asks for a copy, or for erasure: of whose calls, and what was decided about each."""

    def __init__(self, event):
        self.kind, self.of = event["kind"], event["of"]
        self.received, self.entered = date.fromisoformat(event["received"]), event["at"]
        self.extended, self.is_over = False, False
        self.states = {}

    def is_about(self, recording):
        if recording.call == self.of.get("call"):
            return True
        if "agent" not in self.of:
            return recording.customer is not None and recording.customer == self.of.get("customer")
        is_near = True
        if "around" in self.of:
            around = self.of["around"]
            is_near = recording.began <= around + HOUR and around - HOUR <= recording.ended
        return self.of["agent"] in recording.agents and is_near

    def due(self):
        return add_months(self.received, 3 if self.extended else 1)


class Recording:
    def __init__(self, event):
        self.call = event["call"]
        self.began, self.ended = event["began"], event["ended"]
        self.agents, self.reasons = set(event["agents"]), event["reasons"]
        self.customer, self.erased = event["customer"], None
        # Whether it is known from its file alone, which does not say whose number that was.
        self.is_recovered = False
        self.forget()

    def forget(self):
        """As it was when it was kept."""
        self.holds, self.was_held = set(), set()
        # For which lost deeds an earlier restore has held it, and when that was: an officer looks once.
        self.held_for = {}
        # Requests that cover it, answered or not.
        self.asked = set()
        self.purposes = {}
        if "copy" in self.reasons:
            self.purposes[OF_CALL] = Asked(local(self.ended).date())
        if "sample" in self.reasons:
            self.purposes["quality"] = Quality()
        if "on-demand" in self.reasons:
            self.purposes["press"] = Incident()

    def was_held_for(self, deed, at):
        return self.held_for.get(deed, -1) >= at
