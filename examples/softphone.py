#!/usr/bin/env python3
"""A softphone that hands one call to retrocall: both legs from a stereo WAV file, paced as a phone would, and a press of record.

    softphone.py SOCKET CALL.wav --agent anna --record-at 40

Python 3.8 or newer, nothing but its standard library. SOCKET is the engine's socket (`engine.sock` in its home), CALL.wav a
stereo PCM16 file: the agent left, the customer right. What the engine says goes to standard error; the recording's path, once it
is on disk for good, to standard output. Exit code 0: done; 1: refused or failed; 2: wrong usage.

It is written to be read, next to docs/protocol.md. From the bottom up: `whole_call` is what it says, `Call` is what a softphone keeps of
one, `Engine` is the connection. What is left out on purpose is coming back after a lost connection (`attach`, in that page).
"""

import argparse
import json
import select
import socket
import struct
import sys
import time
import wave

VERSION = 1
CONTROL, AGENT, CUSTOMER = 1, 2, 3  # the kinds of message


class Failed(Exception):
    """What went wrong, in a line for people."""


class Engine:
    """One connection to the engine. It could carry many calls; here it carries one.

    Nothing in here waits for the engine unless it is asked to: a phone must go on talking whatever happens to its recording. A
    softphone with an audio callback goes one step further: the callback hands its frames to a thread that owns this connection.
    """

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.socket.connect(path)
        except OSError as error:
            # Not there, or not for this user: `socket_group` in retrocall.toml opens it to others.
            next_step = "see `socket_group`" if isinstance(error, PermissionError) else "start an engine with `retrocall run`"
            raise Failed(f"can't connect to {path} ({error.strerror}): {next_step}") from error
        self.received = bytearray()
        self.requests = 0

    def send(self, kind, payload):
        """Sends a message: a head of eight bytes, then the payload."""
        try:
            self.socket.sendall(struct.pack("<2sBBI", b"RC", VERSION, kind, len(payload)) + payload)
        except OSError as error:
            # The engine closed the connection. Before it did, it said why.
            while message := self.next_message():
                show(message)
            raise Failed(f"the connection is lost ({error.strerror})") from error

    def request(self, do, **fields):
        """Asks for something, and returns the number that the answer will carry."""
        self.requests += 1
        self.send(CONTROL, json.dumps({"id": self.requests, "do": do, **fields}).encode())
        return self.requests

    def frame(self, leg, channel, position, samples):
        """Sends the samples of one leg; `position` is where the first of them stands, counted from the begin of the call."""
        self.send(leg, struct.pack("<IQ", channel, position) + samples)

    def next_message(self, wait_seconds=0.0):
        """The engine's next message, or None if none comes within that time. With None for the time it waits for ever."""
        deadline = None if wait_seconds is None else time.monotonic() + wait_seconds
        while True:
            message = self.unpack()
            if message is not None:
                return message
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self.socket], [], [], left)[0]:
                return None
            try:
                more = self.socket.recv(65536)
            except ConnectionError:
                more = b""
            if not more:
                raise Failed("the engine closed the connection: a call that is not ended ends after its grace time")
            self.received += more

    def unpack(self):
        """Takes one whole message out of what was received, if there is one. A stream has no borders: there may be half of one."""
        if len(self.received) < 8:
            return None
        magic, version, kind, size = struct.unpack_from("<2sBBI", self.received)
        if (magic, version, kind) != (b"RC", VERSION, CONTROL):
            raise Failed("this is not a retrocall engine that speaks version 1")
        if len(self.received) < 8 + size:
            return None
        message = json.loads(self.received[8 : 8 + size])
        del self.received[: 8 + size]
        if message.get("event") == "error":
            raise Failed(f"{message['error']}: {message['text']}")
        return message


class Call:
    """What a softphone keeps of a call that it handed over."""

    def __init__(self, engine, begun):
        self.engine = engine
        self.id = begun["call"]  # valid on every connection, for as long as the engine runs
        self.channel = begun["channel"]  # valid on this one
        self.recording = False
        self.record_refused = None
        self.path = None
        self.answers = {}

    def hear(self, message):
        """Takes note of a message of the engine. Unknown events and fields are passed over: later engines may have more."""
        show(message)
        if "answer" in message:
            self.answers[message.get("id")] = message
        elif message.get("call") == self.id:
            if message["event"] == "recording":
                self.recording = True  # the agent pressed here, or in another program
            elif message["event"] == "kept":
                self.path = message["path"]

    def listen(self, until):
        """Hears what the engine says until then (by the monotonic clock), and at least what is there already."""
        while message := self.engine.next_message(max(0.0, until - time.monotonic())):
            self.hear(message)

    def answer_to(self, number):
        """Waits for an answer. Others, and events, may come before it."""
        while number not in self.answers:
            self.hear(self.engine.next_message(None))
        return self.answers.pop(number)

    def talk(self, wav, speed, frame_ms, record_at):
        """Sends the whole file, frame by frame, and presses record on the way. Returns the number of that request."""
        rate, position, pressed = wav.getframerate(), 0, None
        started = time.monotonic()
        while True:
            if pressed is None and record_at is not None and position >= record_at * rate:
                # The button. Its answer is heard while the call goes on: audio never waits for it.
                pressed = self.engine.request("record", channel=self.channel)
            both = wav.readframes(max(1, round(rate * frame_ms / 1000)))
            if not both:
                return pressed
            samples = memoryview(both).cast("h")  # agent, customer, agent, customer ...
            self.engine.frame(AGENT, self.channel, position, samples[0::2].tobytes())
            self.engine.frame(CUSTOMER, self.channel, position, samples[1::2].tobytes())
            position += len(samples) // 2
            self.listen(until=started + position / rate / speed if speed else 0.0)

    def finish(self, pressed):
        """Hangs up, and if the call is recorded waits until it is on disk for good."""
        self.answer_to(self.engine.request("end", channel=self.channel))
        if pressed is not None:
            # Answers come in the order of the requests: this one came before that of `end`.
            answer = self.answer_to(pressed)
            if answer["answer"] == "refused":
                self.record_refused = f"record was refused ({answer['reason']}): {answer['text']}"
            else:
                self.recording = True
        while self.recording and self.path is None:
            self.hear(self.engine.next_message(None))


def show(message):
    """What the engine said, for people."""
    print("engine:", json.dumps(message, ensure_ascii=False), file=sys.stderr, flush=True)


def open_wav(path):
    """A stereo PCM16 file of a rate that the engine takes."""
    try:
        wav = wave.open(path, "rb")
    except (OSError, EOFError, wave.Error) as error:
        raise Failed(f"{path}: {error}") from error
    if (wav.getnchannels(), wav.getsampwidth()) != (2, 2):
        raise Failed(f"{path} must be stereo PCM16: make it so with `sox IN.wav -b 16 -c 2 OUT.wav`")
    return wav


def options():
    """What the user wants."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("socket", help="the engine's socket: engine.sock in its home")
    parser.add_argument("wav", help="stereo PCM16: the agent left, the customer right")
    parser.add_argument("--agent", help="who talks for the desk (without it: the agent of your user, or else anna)")
    parser.add_argument("--customer", help="the customer's number")
    parser.add_argument("--direction", choices=["inbound", "outbound"], default="inbound")
    parser.add_argument("--record-at", type=float, metavar="SECONDS", help="when to press record")
    parser.add_argument("--speed", type=float, default=1.0, help="1 as a phone would, 0 as fast as it goes")
    parser.add_argument("--frame-ms", type=float, default=20.0, help="how long a frame is: 2.5 to 120")
    given = parser.parse_args()
    if given.speed < 0 or not 2.5 <= given.frame_ms <= 120 or (given.record_at or 0) < 0:
        parser.error("--speed and --record-at can't be negative, and --frame-ms is 2.5 to 120")
    return given


def whole_call(given):
    """A whole call. Returns the path of the recording, if it was recorded."""
    wav = open_wav(given.wav)
    seconds = wav.getnframes() / wav.getframerate()
    if given.record_at is not None and given.record_at > seconds:
        raise Failed(f"--record-at {given.record_at:g} is after the end of the call at {seconds:.1f} s")
    engine = Engine(given.socket)
    hello = engine.next_message(None)
    show(hello)
    begin = {"agent": given.agent or hello.get("agent", "anna"), "direction": given.direction}
    if given.customer:
        begin["customer"] = given.customer  # left out if it is not known; an empty one is refused
    engine.request("begin", rate=wav.getframerate(), codec="pcm16", **begin)
    while "answer" not in (begun := engine.next_message(None)):
        show(begun)
    show(begun)
    if begun["answer"] == "refused":
        # A real softphone goes on with the phone call: it is not captured, and that is all.
        raise Failed(f"the engine does not take the call ({begun['reason']}): {begun['text']}")
    call = Call(engine, begun)
    pressed = call.talk(wav, given.speed, given.frame_ms, given.record_at)
    call.finish(pressed)
    if call.record_refused:
        raise Failed(call.record_refused)
    return call.path


def main():
    """Runs it, and says in one line what went wrong if something did."""
    try:
        path = whole_call(options())
    except Failed as error:
        sys.exit(f"softphone: {error}")
    if path:
        print(path)


if __name__ == "__main__":
    main()
