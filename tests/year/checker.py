#!/usr/bin/env python3
"""Checks a simulated year of a desk: which recordings may and may not exist, each day, from the list of events alone.

Written from the rules of the desk (`D1` to `D20`, PRODUCT.md section 8), and from nothing else: no code of retrocall's, no library besides the
standard one. Events are lines of JSON, in the order of time; `at` is in seconds since 1970. What exists is told by the events `day`, which list what
came and went in the folder of recordings since the day before.

Usage: checker.py EVENTS.jsonl        exit code 0: not one recording too many or too few
"""

import calendar
import copy
import datetime
import heapq
import json
import sys
from datetime import date, timedelta

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1)
HOUR = 3600
NEVER = 1 << 60
SHOWN_MAX = 20


# The desk's zone: Europe/Amsterdam, by the rule of the European Union, so that no list of zones is needed.


def last_sunday(year, month):
    last = calendar.monthrange(year, month)[1]
    day = date(year, month, last)
    return day - timedelta(days=(day.weekday() + 1) % 7)


def at_utc(day, hour):
    return int((datetime.datetime(day.year, day.month, day.day, hour) - EPOCH).total_seconds())


def offset(at):
    year = (EPOCH + timedelta(seconds=at)).year
    is_summer = at_utc(last_sunday(year, 3), 1) <= at < at_utc(last_sunday(year, 10), 1)
    return (2 if is_summer else 1) * HOUR


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


class Recording:
    def __init__(self, event):
        self.call = event["call"]
        self.began, self.ended = event["began"], event["ended"]
        self.agents, self.reasons = set(event["agents"]), event["reasons"]
        self.forget()

    def forget(self):
        """As it was when it was kept."""
        self.holds, self.was_held, self.was_learned = set(), set(), False
        self.purposes = {}
        if "sample" in self.reasons:
            self.purposes["quality"] = Quality()
        if "on-demand" in self.reasons:
            self.purposes["press"] = Incident()


class Desk:
    def __init__(self):
        self.alive, self.versions, self.settings = {}, [], None
        self.cases, self.holds = {}, {}
        # Deeds that keep a recording, and whether they are over: they are remembered outside the records.
        self.keeping = {}
        self.queue, self.backups = [], {}
        self.exists, self.gone = set(), set()
        self.faults, self.days, self.deleted = [], 0, 0

    def fault(self, event, text):
        self.faults.append(f"{datetime.datetime.fromtimestamp(event['at'], UTC):%Y-%m-%d %H:%M}: {text}")

    # The rule.

    def term(self, recording, purpose, now):
        first = 0
        for place, version in enumerate(self.versions):
            if version.since <= recording.began:
                first = place
        ends = purpose.term(recording, self.versions[first])
        for version in self.versions[first + 1 :]:
            if version.since <= now:
                ends = min(ends, max(purpose.term(recording, version), version.since))
        return ends

    def due(self, recording, now):
        return max(self.term(recording, purpose, now) for purpose in recording.purposes.values())

    def schedule(self, recording, now):
        if self.versions:
            heapq.heappush(self.queue, (self.due(recording, now), recording.call))

    def happens(self, recording, name, what, event):
        purpose = recording.purposes.get(name)
        if purpose is None:
            return
        # What happens to a purpose that is over does not bring it back.
        if not self.versions or event["at"] < self.term(recording, purpose, event["at"]):
            purpose.take(what, event["at"], event)
            self.schedule(recording, event["at"])

    # Events.

    def handle(self, event):
        handler = getattr(self, "on_" + event["event"].replace("-", "_"), None)
        if handler is not None:
            handler(event)
        elif event["event"] in OF_QUALITY:
            self.of_quality(event)
        elif event["event"] in OF_CASE:
            self.of_case(event)
        else:
            self.fault(event, f"no rule is known for the event {event['event']}")

    def on_settings(self, event):
        self.settings = event["settings"]

    def on_followed(self, event):
        """The settings of this moment are the policy from here on, if they differ from the last version."""
        if self.versions and self.versions[-1].settings == self.settings:
            return
        self.versions.append(Version(event["at"], self.settings))
        self.queue = []
        for recording in self.alive.values():
            self.schedule(recording, event["at"])

    def on_kept(self, event):
        recording = Recording(event)
        self.alive[recording.call] = recording
        self.schedule(recording, event["at"])

    def of_quality(self, event):
        recording = self.alive.get(event["call"])
        if recording is None:
            if event["done"]:
                self.fault(event, f"{event['event']} was accepted for {event['call']}, which is gone")
        elif event["done"]:
            if event["event"] == "objection-decided":
                self.happens(recording, "quality", "objection-settled", event)
                if event["upheld"]:
                    self.happens(recording, "quality", "upheld", event)
            else:
                if event["event"] == "learning-moment":
                    recording.was_learned = True
                    self.keeping[(recording.call, "reviewed", None)] = False
                self.happens(recording, "quality", event["event"], event)

    def of_agent(self, event):
        for recording in self.alive.values():
            if event["agent"] in recording.agents:
                self.happens(recording, "quality", event["event"], event)

    on_evaluation_held = on_agent_left = of_agent

    def on_dismissed(self, event):
        recording = self.alive.get(event["call"])
        if event["done"] and recording is not None:
            self.happens(recording, "press", "dismissed", event)

    def on_case_opened(self, event):
        recording = self.alive.get(event["call"])
        if not event["done"]:
            return
        if recording is None:
            return self.fault(event, f"a case was opened for {event['call']}, which is gone")
        self.cases.setdefault(event["case"], []).append(recording.call)
        self.keeping[(recording.call, "case-opened", event["case"])] = False
        recording.purposes[event["case"]] = purpose = Incident()
        purpose.take("case-opened", event["at"], event)
        self.schedule(recording, event["at"])

    def of_case(self, event):
        calls = [self.alive[call] for call in self.cases.get(event["case"], []) if call in self.alive]
        if event["event"] == "case-reopened":
            # It can be taken back until it takes effect for the last of its recordings.
            at = event["at"]
            of_case = [(recording, recording.purposes[event["case"]]) for recording in calls]
            can = any(kept.closed is not None and at < self.term(recording, kept, at) for recording, kept in of_case)
            if can != event["done"]:
                self.fault(event, f"a closing was {'taken back' if event['done'] else 'not taken back'} against the rule")
        if event["done"]:
            for recording in calls:
                self.happens(recording, event["case"], event["event"], event)

    def on_hold_set(self, event):
        recording = self.alive.get(event["call"])
        if event["done"] and recording is None:
            return self.fault(event, f"a hold was accepted for {event['call']}, which is gone")
        if recording is None:
            return None
        if event["done"]:
            self.hold(recording, event["hold"])
            self.keeping[(recording.call, "hold-set", event["hold"])] = False
        elif self.due(recording, event["at"]) > event["at"]:
            self.fault(event, f"a hold was refused for {event['call']}, which is kept")
        return None

    def hold(self, recording, hold):
        recording.holds.add(hold)
        recording.was_held.add(hold)
        self.holds[hold] = recording.call

    def on_hold_released(self, event):
        recording = self.alive.get(self.holds.get(event["hold"]))
        if event["done"] and recording is not None:
            self.keeping[(recording.call, "hold-set", event["hold"])] = True
            recording.holds.discard(event["hold"])
            self.schedule(recording, event["at"])

    # Requests, erasures and objections belong here once the desk has the verbs: each is a class like those above, or a hold by another name.

    def on_backed_up(self, event):
        self.backups[event["backup"]] = copy.deepcopy((self.alive, self.versions, self.cases, self.holds))

    def on_restored(self, event):
        """The catalog is what it was; what was kept since is registered from its file, and what was deleted since stays deleted."""
        since = self.alive
        alive, self.versions, self.cases, self.holds = copy.deepcopy(self.backups[event["backup"]])
        self.alive = {call: recording for call, recording in alive.items() if call in since}
        for call, recording in since.items():
            if call not in self.alive:
                recording.forget()
                self.alive[call] = recording
        self.hold_again(event)
        self.queue = []
        for recording in self.alive.values():
            self.schedule(recording, event["at"])

    def hold_again(self, event):
        """What a deed has kept since the backup is held until an officer has looked at it: that, and nothing else."""
        expected = []
        for (call, deed, matter), is_over in self.keeping.items():
            recording = self.alive.get(call)
            if recording is None or is_over:
                continue
            known = {"reviewed": recording.was_learned, "case-opened": matter in recording.purposes}
            if not known.get(deed, matter in recording.was_held):
                expected.append((call, deed))
        told = [(held["call"], held["deed"]) for held in event["held"]]
        for call, deed in set(expected) | set(told):
            if expected.count((call, deed)) != told.count((call, deed)):
                self.fault(event, f"after the restore {call} is held {told.count((call, deed))} times for {deed}, not {expected.count((call, deed))}")
        for held in event["held"]:
            if held["call"] in self.alive:
                self.hold(self.alive[held["call"]], held["hold"])

    def on_swept(self, event):
        """What is due goes now."""
        now, held = event["at"], []
        while self.queue and self.queue[0][0] <= now:
            _, call = heapq.heappop(self.queue)
            recording = self.alive.get(call)
            if recording is None or self.due(recording, now) > now:
                continue
            if recording.holds:
                held.append(recording)
                continue
            del self.alive[call]
            self.gone.add(call)
            self.deleted += 1
        for recording in held:
            self.schedule(recording, now)

    def on_day(self, event):
        self.days += 1
        self.exists |= set(event["came"])
        self.exists -= set(event["went"])
        if len(self.exists) != event["count"]:
            self.fault(event, "what came and went does not make up what is there")
        expected = set(self.alive)
        for call in sorted(self.exists - expected):
            self.fault(event, f"{call} exists, and may not")
        for call in sorted(expected - self.exists):
            self.fault(event, f"{call} is gone, and may not be")


OF_QUALITY = {"no-finding", "private-call", "let-go", "learning-moment", "note-objected", "objection-decided"}
OF_CASE = {"case-closed", "case-reopened", "still-needed"}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    desk = Desk()
    with open(sys.argv[1], encoding="utf-8") as lines:
        for line in lines:
            desk.handle(json.loads(line))
            if len(desk.faults) >= SHOWN_MAX:
                break
    for fault in desk.faults[:SHOWN_MAX]:
        print(fault)
    print(f"{desk.days} days: {desk.deleted} recordings gone, {len(desk.alive)} left, {len(desk.faults)} faults")
    sys.exit(1 if desk.faults or desk.days == 0 else 0)


if __name__ == "__main__":
    main()
