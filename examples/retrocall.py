"""A client of retrocall in one file: copy it into your program. Python 3.8 or newer, nothing but its standard library.

    with Engine("/home/desk/.local/share/retrocall/engine.sock") as engine:
        call = engine.begin("anna", rate=8000, customer="+31205550123")
        call.push(AGENT, samples)         # bytes, 16 bits a sample, little-endian; as often as they come
        call.push(CUSTOMER, samples)
        call.record()                     # the button: keeps the whole call, from its first second
        call.end()
        print(call.wait_kept())           # the recording's path, once it is on disk for good

`docs/protocol.md` is what is spoken here; a function is named after the request that it makes. What goes wrong is an exception with a
line for people: `Refused`, and the connection goes on; `Gone`, and it does not. In either case the phone call goes on: it is not
captured, and that is all.

One thread uses an engine and its calls. A phone with an audio callback lets the callback put its frames into a queue, and that thread
push them. `push` itself waits for the engine only while the kernel's buffer, of many frames, is full.
"""

import json
import select
import socket
import struct
import time
from collections import deque

VERSION = 1
CONTROL, AGENT, CUSTOMER = 1, 2, 3  # the kinds of message; a leg goes by its kind
BYTES_A_SAMPLE = {"pcm16": 2, "ulaw": 1, "alaw": 1}
EVENTS_MAX = 4096  # events that wait for a program that does not ask for them: over that, the oldest are forgotten
FRAME_SAMPLES_MAX = 5760  # 120 ms at 48 kHz


class Refused(Exception):
    """The engine does not do what it was asked. `reason` is a word (docs/protocol.md has the list), the text a sentence for people."""

    def __init__(self, answer):
        super().__init__(f"{answer['reason']}: {answer.get('text', '')}")
        self.reason = answer["reason"]


class Gone(Exception):
    """There is no connection, or no longer. The text says why, and what to do."""


class Engine:
    """One connection, for any number of calls."""

    def __init__(self, path):
        self.calls = {}  # those that were begun or attached here, by their ids
        self._received = bytearray()
        self._answers = {}
        self._events = deque(maxlen=EVENTS_MAX)
        self._last_id = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            # Not there, or not for this user: `socket_group` in retrocall.toml opens it to others.
            step = "see `socket_group`" if isinstance(error, PermissionError) else "start an engine with `retrocall run`"
            raise Gone(f"can't connect to {path} ({error.strerror}): {step}") from error
        self.hello = self.event(timeout=30)  # version, limits, and the agent that this user is, if it may act for one alone
        if not self.hello or self.hello.get("version") != VERSION:
            raise Gone(f"what listens on {path} is no retrocall engine that speaks version {VERSION}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Closes the connection. Calls that were not ended wait for `attach`, and end after the engine's grace time."""
        self._socket.close()

    def begin(self, agent=None, rate=8000, codec="pcm16", customer=None, direction="inbound"):
        """Announces a call: it begins now, at position 0. Without an agent: the one that this user is."""
        agent = agent or self.hello.get("agent")
        if not agent:
            raise ValueError("name an agent: this user may act for all of them")
        fields = {"agent": agent, "rate": rate, "codec": codec, "customer": customer, "direction": direction}
        return Call(self, self.ask("begin", **fields), codec, rate)

    def attach(self, call, codec="pcm16", rate=8000):
        """Takes over a call whose connection was lost, by its id. `positions` of what is returned is where each leg goes on."""
        return Call(self, self.ask("attach", call=call), codec, rate)

    def live_calls(self):
        """The live calls that this user may see, each a dictionary."""
        return self.ask("calls")["calls"]

    def status(self):
        """How the engine is, for its owner."""
        return self.ask("status")["status"]

    def press(self, do="record", **target):
        """Any control for a call that another connection carries: `press("record", agent="anna")`, or `call=` its id, or nothing."""
        return self.ask(do, **target)

    def ask(self, do, **fields):
        """Any request: waits for its answer, takes in what comes before it, and returns it. What is None is left out."""
        number = self.request(do, **fields)
        while number not in self._answers:
            self._take_in(None)
        answer = self._answers.pop(number)
        if answer["answer"] == "refused":
            raise Refused(answer)
        return answer

    def request(self, do, **fields):
        """Any request, without waiting: returns the number that `answer` takes. For those who have audio to send meanwhile."""
        self._last_id += 1
        wanted = {name: value for name, value in fields.items() if value is not None}
        self._send(CONTROL, json.dumps({"id": self._last_id, "do": do, **wanted}).encode())
        return self._last_id

    def answer(self, number, timeout=0.0):
        """The answer to a `request`, also a refusal; None if it has not come within that time."""
        deadline = time.monotonic() + timeout
        while number not in self._answers and self._take_in(max(0.0, deadline - time.monotonic())):
            pass
        return self._answers.pop(number, None)

    def event(self, timeout=0.0):
        """The next event, a dictionary; None if none comes within that time. With None for the time it waits for ever."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._events:
            if not self._take_in(None if deadline is None else max(0.0, deadline - time.monotonic())):
                return None
        return self._events.popleft()

    def fileno(self):
        """For `select`: when it can be read, `event()` has something to take in."""
        return self._socket.fileno()

    def _send(self, kind, payload):
        try:
            self._socket.sendall(struct.pack("<2sBBI", b"RC", VERSION, kind, len(payload)) + payload)
        except OSError as error:
            # The engine closed the connection. Before it did, it said why: that is raised in place of this.
            while self._take_in(0.0):
                pass
            raise Gone(f"the connection is lost ({error.strerror}): is the engine running?") from error

    def _take_in(self, timeout):
        """Takes in one message. False if none comes within that time."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not (message := self._unpack()):
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._socket], [], [], left)[0]:
                return False
            try:
                more = self._socket.recv(65536)
            except ConnectionError:
                more = b""
            if not more:
                raise Gone("the engine closed the connection: a call that is not ended ends after its grace time")
            self._received += more
        if message.get("event") == "error":
            raise Gone(f"{message['error']}: {message['text']}")
        if "answer" in message:
            self._answers[message.get("id")] = message
        else:
            self._events.append(message)
            if message.get("call") in self.calls:
                self.calls[message["call"]]._hear(message)
        return True

    def _unpack(self):
        """Takes one whole message out of what was received, if there is one. A stream has no borders: there may be half of one."""
        if len(self._received) < 8:
            return None
        magic, version, kind, size = struct.unpack_from("<2sBBI", self._received)
        if (magic, version, kind) != (b"RC", VERSION, CONTROL):
            raise Gone("this is not a retrocall engine that speaks version 1")
        if len(self._received) < 8 + size:
            return None
        message = json.loads(self._received[8 : 8 + size])
        del self._received[: 8 + size]
        return message


class Call:
    """A call that this connection carries. Every control returns the engine's answer; asked twice it does no harm."""

    def __init__(self, engine, begun, codec, rate):
        self.engine = engine
        self.id = begun["call"]  # valid on every connection, for as long as the engine runs
        self.channel = begun["channel"]  # valid on this one
        self.codec, self.rate = codec, rate
        agent, customer = begun.get("positions", (0, 0))
        self.positions = {AGENT: agent, CUSTOMER: customer}  # where the next frame of each leg goes
        self.recording = False  # record was pressed, here or elsewhere
        self.path = None  # the recording, once it is on disk for good
        self.ended_by = None  # why the engine ended it, if it did
        engine.calls[self.id] = self

    def push(self, leg, samples, position=None):
        """Sends samples of one leg: bytes of the call's codec, which go on where that leg ended, or at a position, counted from the
        begin of the call. What is missing becomes silence, so go on counting when frames are lost: `skip` does."""
        position = self.positions[leg] if position is None else position
        size = BYTES_A_SAMPLE[self.codec]
        for start in range(0, len(samples), FRAME_SAMPLES_MAX * size):
            frame = bytes(samples[start : start + FRAME_SAMPLES_MAX * size])
            self.engine._send(leg, struct.pack("<IQ", self.channel, position) + frame)
            position += len(frame) // size
        self.positions[leg] = position

    def skip(self, leg, count):
        """So many samples of a leg are lost: silence in their place."""
        self.positions[leg] += count

    def record(self):
        """The button: the whole call is kept, from its first second until hangup."""
        answer = self.ask("record")
        self.recording = True
        return answer

    def mask(self):
        """Both legs are silence from now on, and are not held."""
        return self.ask("mask")

    def unmask(self):
        """Ends a mask."""
        return self.ask("unmask")

    def erase_last(self, seconds):
        """The last seconds become silence, in memory and in what is already written."""
        return self.ask("erase-last", seconds=seconds)

    def hold(self):
        """The customer waits: silence until `resume`."""
        return self.ask("hold")

    def resume(self):
        """Ends a hold."""
        return self.ask("resume")

    def private(self):
        """Not this call: what is held is wiped, and nothing more is held."""
        return self.ask("private")

    def object(self):
        """The customer objects to training: the call can't be sampled."""
        return self.ask("object")

    def transfer(self, to):
        """Another agent talks from now on."""
        return self.ask("transfer", to=to)

    def dtmf(self, digit):
        """A key was pressed on the phone."""
        return self.ask("dtmf", digit=digit)

    def end(self):
        """Hangup. The answer has the length of the call."""
        answer = self.ask("end")
        if not self.recording:
            self.engine.calls.pop(self.id, None)  # nothing more is heard of it
        return answer

    def wait_kept(self, timeout=None):
        """The path of the recording, once it is on disk for good; None if record was not pressed, or not within that time. Only the
        engine's owner can open it. Nobody needs to wait for it: it is completed in any case."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.recording and self.path is None:
            if not self.engine._take_in(None if deadline is None else max(0.0, deadline - time.monotonic())):
                break
        return self.path

    def ask(self, do, **fields):
        """Any request for this call."""
        return self.engine.ask(do, channel=self.channel, **fields)

    def request(self, do, **fields):
        """Any request for this call, without waiting for its answer: see `Engine.request`."""
        return self.engine.request(do, channel=self.channel, **fields)

    def _hear(self, event):
        """An event about this call. Unknown ones are passed over: later engines may have more."""
        if event["event"] == "recording":
            self.recording = True
        elif event["event"] == "kept":
            self.recording, self.path = True, event["path"]
            self.engine.calls.pop(self.id, None)
        elif event["event"] == "ended":
            self.ended_by = event["by"]
