#!/usr/bin/env python3
"""Checks a simulated year of a desk: which recordings may and may not exist, each day, from the list of events alone.

Written from the rules of the desk (`D1` to `D20`, PRODUCT.md section 8), and from nothing else: no code of retrocall's, no library besides the
standard one. Events are lines of JSON, in the order of time; `at` is in seconds since 1970. What exists is told by the events `day`, which list what
came and went in the folder of recordings since the day before.

Usage: checker.py EVENTS.jsonl        exit code 0: not one recording too many or too few
"""

import collections
import copy
import datetime
import heapq
import json
import sys
from datetime import date

# Nothing is left beside the tests.
sys.dont_write_bytecode = True

from again import Lines
from rules import OF_CALL, UTC, Asked, Incident, Recording, Request, Version, end_of, local

SHOWN_MAX = 20


class Desk:
    def __init__(self):
        self.alive, self.versions, self.settings = {}, [], None
        self.cases, self.holds = {}, {}
        # All requests, and those that are not answered.
        self.requests, self.open = {}, {}
        # Objections and their withdrawals, and erasures that were granted: no restore undoes them.
        self.objections, self.erasures = [], []
        # What a sweep that was cut off may have begun to delete: it goes, whatever is done to hold it back.
        self.may_be_going = set()
        # What deeds did to recordings is remembered outside the records.
        self.lines = Lines()
        self.queue, self.backups = [], {}
        self.exists, self.gone = set(), set()
        self.faults, self.days, self.deleted = [], 0, 0
        self.counts = collections.Counter()

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
        ends = max(self.term(recording, purpose, now) for purpose in recording.purposes.values())
        return ends if recording.erased is None else min(ends, recording.erased)

    def is_kept_back(self, recording):
        return bool(recording.holds) or self.is_frozen(recording)

    def is_frozen(self, recording):
        """By a request that is not answered. One for erasure does not hold what was erased."""
        for request in (self.requests[id] for id in recording.asked):
            if not request.is_over and request.states[recording.call] != "excluded":
                if request.kind == "access" or recording.erased is None:
                    return True
        return False

    def is_in_case(self, recording, now):
        """As long as a case needs it, which is until a closing has taken effect (D11)."""
        cases = [purpose for name, purpose in recording.purposes.items() if name in self.cases]
        if not self.versions:
            # On the first day, before any sweep: no period is over.
            return bool(cases)
        return any(now < self.term(recording, purpose, now) for purpose in cases)

    def objects(self, customer):
        last = [is_withdrawn for of, _, is_withdrawn in self.objections if of == customer][-1:]
        return customer is not None and last == [False]

    def schedule(self, recording, now):
        if self.versions:
            heapq.heappush(self.queue, (self.due(recording, now), recording.call))

    def happens(self, recording, name, what, event):
        purpose = recording.purposes.get(name)
        if purpose is None:
            return
        # What happens to a purpose that is over does not bring it back.
        if not self.versions or event["at"] < self.term(recording, purpose, event["at"]):
            self.take(recording, name, what, event)

    def take(self, recording, name, what, event):
        """Something happens to a purpose, which is remembered."""
        self.lines.happened(recording, name, what, event)
        self.schedule(recording, event["at"])

    # Events.

    def handle(self, event):
        self.counts[(event["event"], event.get("done", True))] += 1
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
        # D7: an objection is remembered until it is withdrawn, and draws heed it.
        if self.objects(recording.customer) != event["objects"]:
            self.fault(event, f"of {recording.customer} the engine knew {'an' if event['objects'] else 'no'} objection, against the rule")
        if event["objects"] and "sample" in recording.reasons:
            self.fault(event, f"{recording.call} was sampled, and its customer objects")
        self.alive[recording.call] = recording
        self.join(recording, event["at"])
        self.schedule(recording, event["at"])

    def join(self, recording, at):
        """What comes while a request is open belongs to it; to one for erasure only if the call had begun."""
        for id, request in self.open.items():
            is_late = request.kind == "erasure" and recording.began > request.entered
            if not is_late and request.is_about(recording):
                # One that a restore brings once more: what was decided about it is.
                last = self.lines.covering.get(recording.call, {}).get(("request", id))
                self.cover(id, recording, at)
                if last is not None:
                    self.lines.covers(recording.call, "request", id, *last)

    def cover(self, id, recording, at):
        self.requests[id].states.setdefault(recording.call, "candidate")
        recording.asked.add(id)
        self.lines.covers(recording.call, "request", id, "request-opened", at)

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
        self.may_be_going.discard(recording.call)
        self.cases.setdefault(event["case"], []).append(recording.call)
        recording.purposes[event["case"]] = Incident()
        self.take(recording, event["case"], "case-opened", event)

    def of_case(self, event):
        calls = [self.alive[call] for call in self.cases.get(event["case"], []) if call in self.alive]
        if event["event"] == "case-reopened":
            # It can be taken back until it takes effect for the last of its recordings.
            at = event["at"]
            of_case = [(recording, recording.purposes[event["case"]]) for recording in calls]
            # Of one that is erased it has: it waits for a request alone.
            of_case = [(recording, kept) for recording, kept in of_case if recording.erased is None]
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
            self.may_be_going.discard(recording.call)
            self.hold(recording, event["hold"])
            self.lines.covers(recording.call, "hold", event["hold"], "hold-set", event["at"])
        elif recording.call not in self.may_be_going:
            self.fault(event, f"a hold was refused for {event['call']}, which is kept")
        return None

    def hold(self, recording, hold):
        recording.holds.add(hold)
        recording.was_held.add(hold)
        self.holds[hold] = recording.call

    def on_hold_released(self, event):
        recording = self.alive.get(self.holds.get(event["hold"]))
        if event["done"] and recording is not None:
            self.lines.covers(recording.call, "hold", event["hold"], "hold-released", event["at"])
            recording.holds.discard(event["hold"])
            self.schedule(recording, event["at"])

    # Requests for a copy, and for erasure (D14 to D17).

    def expect(self, event, what, done):
        """Whether a deed was done that the rule says something about."""
        if event["done"] != done:
            self.fault(event, f"{what} was {'accepted' if event['done'] else 'refused'} against the rule")
        return event["done"] and done

    def open_request(self, event):
        """The request that an event is about, if it is known and not answered."""
        return self.open.get(event["request"])

    def compare(self, event, what, expected, told):
        """What was decided about each recording, by the rule and as the officer sees it."""
        for call in sorted(set(expected) | set(told)):
            if call in told:
                # It is not going, or it could not be covered.
                self.may_be_going.discard(call)
            elif call in self.may_be_going:
                continue
            if expected.get(call) != told.get(call):
                self.fault(event, f"{what}: {call} is {told.get(call, 'not covered')}, and should be {expected.get(call, 'not covered')}")

    def on_request_opened(self, event):
        at = event["at"]
        is_of_call = event["by"] == "call"
        can = date.fromisoformat(event["received"]) <= local(at).date()
        if "call" in event["of"]:
            can = can and event["of"]["call"] in self.alive and (event["done"] or event["of"]["call"] not in self.may_be_going)
        if not self.expect(event, "a request", can):
            return
        self.requests[event["request"]] = self.open[event["request"]] = request = Request(event)
        for recording in self.alive.values():
            if request.is_about(recording) and (recording.call in event["recordings"] or recording.call not in self.may_be_going):
                self.cover(event["request"], recording, event["at"])
                if is_of_call and recording.call == request.of["call"]:
                    recording.purposes[event["request"]] = recording.purposes.pop(OF_CALL)
                # D16, D17: the officer erases at once, but for what a case needs, and what was found by a time, which is no person.
                is_at_once = event["by"] == "officer" and "around" not in request.of
                if request.kind == "erasure" and is_at_once and not self.is_in_case(recording, at):
                    self.erase(event, recording.call)
        self.compare(event, "a new request", request.states, event["recordings"])

    def erase(self, event, call):
        """Another request may have erased it before: then it is gone, and this one's letter says so too."""
        self.erasures.append((event["request"], call, event["at"]))
        self.erased(*self.erasures[-1])
        if call in self.alive:
            self.schedule(self.alive[call], event["at"])

    def erased(self, id, call, at):
        recording = self.alive.get(call)
        if recording is not None and recording.erased is None:
            recording.erased = at
        if id in self.requests and call in self.requests[id].states:
            self.requests[id].states[call] = "confirmed"

    def on_request_confirmed(self, event):
        request, recording = self.open_request(event), self.alive.get(event["call"])
        can = request is not None and request.kind == "access" and recording is not None and recording.call not in self.may_be_going
        if self.expect(event, "a confirmation", can):
            self.cover(event["request"], recording, event["at"])
            request.states[recording.call] = "confirmed"
            self.lines.covers(recording.call, "request", event["request"], "request-confirmed", event["at"])
            purpose = recording.purposes.get(event["request"])
            if purpose is None or purpose.over is not None:
                recording.purposes[event["request"]] = Asked()
                self.take(recording, event["request"], "request-received", {**event, "received": request.received.isoformat()})
                if request.extended:
                    self.take(recording, event["request"], "request-extended", event)

    def on_request_excluded(self, event):
        request = self.open_request(event)
        recording, call = self.alive.get(event["call"]), event["call"]
        can = request is not None and call in request.states and (recording is not None or request.kind == "erasure")
        if can and request.kind == "erasure":
            # What is erased is.
            can = request.states[call] != "confirmed"
        if self.expect(event, "an exclusion", can):
            request.states[call] = "excluded"
            self.lines.covers(call, "request", event["request"], "request-excluded", event["at"])
            if recording is not None:
                self.of_request(recording, event["request"], "excluded", event)

    def of_request(self, recording, request, what, event):
        if request in recording.purposes:
            self.take(recording, request, what, event)
        self.schedule(recording, event["at"])

    def on_request_extended(self, event):
        request = self.open_request(event)
        # Once, and only before it is due (D15).
        can = request is not None and not request.extended and event["at"] < end_of(request.due())
        if self.expect(event, "an extension", can):
            request.extended = True
            for recording in self.covered(request):
                self.of_request(recording, event["request"], "request-extended", event)

    def on_request_refused(self, event):
        request = self.open_request(event)
        if self.expect(event, "a refusal", request is not None and request.kind == "access"):
            self.close(request, event)

    def on_request_answered(self, event):
        request = self.open_request(event)
        states = [] if request is None else self.decided(request)
        if not self.expect(event, "an answer", request is not None and "candidate" not in states):
            return
        outcome = "granted" if "confirmed" in states else "refused" if "refused" in states else "nothing-held"
        if event["outcome"] != outcome:
            self.fault(event, f"a request was answered with {event['outcome']}, not {outcome}")
        if request.of.get("customer") is not None:
            # Every answer to a customer lists what was recovered without a number (D16).
            lost = {call for call, one in self.alive.items() if one.is_recovered and call not in request.states} - self.may_be_going
            for call in sorted(lost ^ set(event["unnumbered"]) - self.may_be_going):
                self.fault(event, f"an answer {'leaves out' if call in lost else 'lists'} {call}, which may be the customer's")
        self.close(request, event)

    def decided(self, request):
        # An erasure's letter still says what was erased; a recording that went otherwise is no part of any request.
        return [state for call, state in request.states.items() if request.kind == "erasure" or call in self.alive]

    def close(self, request, event):
        request.is_over = True
        del self.open[event["request"]]
        for call in request.states:
            self.lines.covers(call, "request", event["request"], event["event"], event["at"])
        for recording in self.covered(request):
            self.of_request(recording, event["request"], "answered", event)

    def covered(self, request):
        return [self.alive[call] for call in request.states if call in self.alive]

    def on_request_exported(self, event):
        request = self.open_request(event)
        confirmed = [] if request is None else [call for call, state in request.states.items() if state == "confirmed" and call in self.alive]
        if self.expect(event, "an export", bool(confirmed) and request.kind == "access"):
            self.compare(event, "an export", dict.fromkeys(confirmed, "copied"), dict.fromkeys(event["calls"], "copied"))

    def undecided(self, event):
        """The recordings of an erasure that an officer's word is about."""
        request = self.open_request(event)
        if request is None or request.kind != "erasure":
            return request, []
        return request, [call for call, state in request.states.items() if state == "candidate" and event["call"] in (None, call)]

    def on_erasure_granted(self, event):
        request, waiting = self.undecided(event)
        # Of what was found by a time each is granted by itself.
        is_named = event["call"] is not None or request is None or "around" not in request.of
        if self.expect(event, "an erasure", bool(waiting) and is_named):
            for call in waiting:
                self.erase(event, call)

    def on_erasure_refused(self, event):
        request, waiting = self.undecided(event)
        if self.expect(event, "the refusal of an erasure", bool(waiting)):
            for call in waiting:
                request.states[call] = "refused"

    def on_requests_listed(self, event):
        """All that is open, as the officer's list has it."""
        listed, mine = event["requests"], set(self.open)
        for id in sorted(mine ^ set(listed)):
            self.fault(event, f"the request {id} is {'not ' if id in mine else ''}open")
        for id in sorted(mine & set(listed)):
            alive = lambda states: {call: state for call, state in states.items() if call in self.alive}
            self.compare(event, f"the request {id}", alive(self.open[id].states), alive(listed[id]))

    # Objections without a call (D7).

    def on_customer_objected(self, event):
        if not event["done"]:
            return self.fault(event, "an objection was refused")
        self.objections.append((event["customer"], event["at"], False))
        for recording in self.alive.values():
            if recording.customer == event["customer"]:
                self.happens(recording, "quality", "objected", event)
        return None

    def on_objection_withdrawn(self, event):
        if self.expect(event, "a withdrawal", self.objects(event["customer"])):
            self.objections.append((event["customer"], event["at"], True))

    def on_backed_up(self, event):
        self.backups[event["backup"]] = copy.deepcopy((self.alive, self.versions, self.cases, self.holds, self.requests))

    def on_restored(self, event):
        """The catalog is what it was; what was kept since is registered from its file, and what was deleted since stays deleted."""
        since = self.alive
        alive, self.versions, self.cases, self.holds, self.requests = copy.deepcopy(self.backups[event["backup"]])
        self.open = {id: request for id, request in self.requests.items() if not request.is_over}
        self.alive = {call: recording for call, recording in alive.items() if call in since}
        for call, recording in since.items():
            if call not in self.alive:
                recording.forget()
                recording.customer, recording.is_recovered = None, True
                self.alive[call] = recording
                self.join(recording, event["at"])
        for opened in event["opened"]:
            # The call asked for a copy itself: that is a request once more.
            self.on_request_opened({"event": "request-opened", "at": event["at"], "done": True, **opened})
        for erasure in self.erasures:
            # Of one that is gone nobody knows who had it erased: an officer says so once more.
            if erasure[1] in self.alive:
                self.erased(*erasure)
        for recording in self.alive.values():
            for customer, at, is_withdrawn in self.objections:
                if customer == recording.customer and not is_withdrawn and recording.began < at:
                    self.happens(recording, "quality", "objected", {"at": at})
        self.do_again(event)
        self.queue = []
        for recording in self.alive.values():
            self.schedule(recording, event["at"])

    def do_again(self, event):
        """What was decided since the backup is so again; what rests on lost words is held until an officer has looked at it: that, and nothing else."""
        expected = []
        for recording in self.alive.values():
            expected += self.cover_again(recording)
        for recording in self.alive.values():
            expected += self.happen_again(recording, event["at"])
        # Each hold is there again; what else is lost an officer looks at once.
        expected = [of for of in expected if of[1] == "hold-set"] + sorted({of for of in expected if of[1] != "hold-set"})
        told = [(held["call"], held["deed"]) for held in event["held"]]
        for call, deed in set(expected) | set(told):
            if expected.count((call, deed)) != told.count((call, deed)):
                self.fault(event, f"after the restore {call} is held {told.count((call, deed))} times for {deed}, not {expected.count((call, deed))}")
        for held in event["held"]:
            if held["call"] in self.alive:
                self.hold(self.alive[held["call"]], held["hold"])
                if held["deed"] != "hold-set":
                    self.alive[held["call"]].held_for[held["deed"]] = event["at"]

    def cover_again(self, recording):
        """Holds and requests: the deeds because of which it is held."""
        for (kind, matter), (deed, at) in self.lines.of_cover(recording.call):
            request = self.requests.get(matter)
            is_known = matter in recording.was_held if kind == "hold" else request is not None and recording.call in request.states
            if deed == "hold-released":
                recording.holds.discard(matter)
            elif deed == "request-excluded":
                if is_known:
                    request.states[recording.call] = "excluded"
            elif deed in ("request-answered", "request-refused"):
                if request is not None:
                    request.is_over = True
                    self.open.pop(matter, None)
            elif not is_known and not recording.was_held_for(deed, at):
                yield recording.call, deed

    def happen_again(self, recording, now):
        """What happened to its purposes: the deeds because of which it is held."""
        for name, lines in self.lines.of_purposes(recording.call):
            known = recording.purposes.get(name)
            missing = [line for line in lines if known is None or line.number not in known.known]
            if not missing:
                continue
            begun = [place for place, line in enumerate(missing) if line.what == "request-received"]
            if begun:
                # It began anew, and nobody knows that.
                known, missing = None, missing[begun[-1] :]
            as_it_was = self.lines.begun(name, lines) if known is None else copy.deepcopy(known)
            for line in missing:
                as_it_was.take(line.what, line.at, line.event)
            is_in_force = not self.versions or now < self.term(recording, as_it_was, now)
            if known is not None and (all(line.stands_alone for line in missing) or not is_in_force):
                for line in missing:
                    line.happen(known)
            elif is_in_force:
                keeping = [line for line in missing if line.keeps]
                if keeping and not recording.was_held_for(keeping[-1].deed, keeping[-1].at):
                    yield recording.call, keeping[-1].deed

    def on_cut(self, event):
        """A sweep was cut off: of what is due some may be going, and nobody can hold that back."""
        for recording in self.alive.values():
            if self.due(recording, event["at"]) <= event["at"] and not self.is_kept_back(recording):
                self.may_be_going.add(recording.call)

    def on_swept(self, event):
        """What is due goes now."""
        now, held = event["at"], []
        self.may_be_going.clear()
        while self.queue and self.queue[0][0] <= now:
            _, call = heapq.heappop(self.queue)
            recording = self.alive.get(call)
            if recording is None or self.due(recording, now) > now:
                continue
            if self.is_kept_back(recording):
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
    for (what, done), count in sorted(desk.counts.items()):
        print(f"{count:8} {what}{'' if done else ', refused'}")
    print(f"{desk.days} days: {desk.deleted} recordings gone, {len(desk.alive)} left, {len(desk.faults)} faults")
    sys.exit(1 if desk.faults or desk.days == 0 else 0)


if __name__ == "__main__":
    main()
