"""What deeds did to recordings since a backup, for `checker.py`: what a restore does again, and what it can't.

Written from what `docs/durability.md` says of a restore, and from nothing else: no code of retrocall's, no library besides the standard one.
"""

from dataclasses import dataclass

from rules import Asked, Incident, Quality

# What keeps a recording.
KEEPING = {"learning-moment", "note-objected", "case-opened", "case-reopened", "still-needed", "request-received", "request-extended"}
# Words belong to it that are lost with the newer records.
RESTS_ON_WORDS = {"learning-moment", "note-objected"}


@dataclass
class Line:
    """Something that happened to a purpose of a recording."""

    number: int
    what: str
    at: int
    event: dict

    @property
    def keeps(self):
        return self.what in KEEPING

    @property
    def deed(self):
        """By which deed it happened."""
        by = self.event.get("deed") or self.event["event"]
        return "reviewed" if by == "learning-moment" else by

    @property
    def stands_alone(self):
        return self.what not in RESTS_ON_WORDS

    def happen(self, purpose):
        purpose.known.add(self.number)
        purpose.take(self.what, self.at, self.event)


class Lines:
    """All of it, in the order of time: no restore undoes a line."""

    def __init__(self):
        self.count, self.happenings, self.covering = 0, {}, {}

    def happened(self, recording, name, what, event):
        self.count += 1
        line = Line(self.count, what, event["at"], event)
        self.happenings.setdefault(recording.call, {}).setdefault(name, []).append(line)
        line.happen(recording.purposes[name])

    def covers(self, call, kind, matter, deed, at):
        """A hold or a request covers it, or does no longer."""
        self.covering.setdefault(call, {})[(kind, matter)] = deed, at

    def of_cover(self, call):
        """The last word of each."""
        return list(self.covering.get(call, {}).items())

    def of_purposes(self, call):
        return list(self.happenings.get(call, {}).items())

    @staticmethod
    def begun(name, lines):
        """A purpose to which nothing has happened yet."""
        if name == "quality":
            return Quality()
        return Asked() if any(line.what.startswith("request") or line.what == "answered" for line in lines) else Incident()
