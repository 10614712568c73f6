"""A client of retrocall in one file: copy it into your program, or `pip install ./examples`. Python 3.8 or newer, nothing but its standard library.

    call = LastingCall("/home/desk/.local/share/retrocall/engine.sock", "anna", rate=8000, customer="+31205550123")
    call.push(AGENT, samples)         # bytes, 16 bits a sample, little-endian; as often as they come
    call.push(CUSTOMER, samples)
    call.record()                     # the button: keeps the whole call, from its first second
    call.end()
    print(call.wait_kept())           # the recording's path, once it is on disk for good

A `LastingCall` goes on when its connection is lost or the engine is restarted, with what was decided for it. For a program that wants to see
to that itself, or carries many calls on one connection, there are `Engine` and `Call`. `docs/protocol.md` is what is spoken here; a
function is named after the request that it makes.

What goes wrong is an exception with a line for people. In every case the phone call goes on: it is not captured, and that is all.

    RetrocallError         all of them
      Refused              the engine does not do what it was asked; the connection and the call go on
      Gone                 there is no connection, or no longer
        Silent             the engine has not answered, or taken anything, within the time limit; it may be asked again
      WrongUse             your program has a fault; nothing was sent. A ValueError too
        Closed             the engine was closed by your program
        Ended              the call was ended by your program
        Busy               another thread is in the middle of something

Which wrong use gets which exception:

    method                  wrong use                                exception
    Engine                  nobody listens there                     Gone
    Engine                  what listens there says nothing          Silent
    Engine                  what listens there is no engine          Gone
    Engine                  a time limit of None                     WrongUse
    begin                   no agent, and this user may act for all  WrongUse
    begin                   an unknown codec                         WrongUse
    begin                   a rate out of its limits                 WrongUse
    begin                   after close                              Closed
    attach                  a call that nobody knows                 Refused
    attach                  a call that has its connection           Refused
    ask                     a request that there is none of          Refused
    ask                     a value that is not JSON                 WrongUse
    ask                     an engine that was killed                Gone
    ask                     an engine that is stopped                Silent
    ask                     from two threads at once                 Busy
    answer                  a time limit of None                     WrongUse
    answer                  a number that was never given            WrongUse
    event                   a time limit of None                     WrongUse
    event                   a negative time limit                    WrongUse
    event                   after close                              Closed
    fileno                  after close                              Closed
    push                    a negative position                      WrongUse
    push                    half a sample                            WrongUse
    push                    a leg that is none                       WrongUse
    push                    text in place of bytes                   WrongUse
    push                    after end                                Ended
    push                    after close                              Closed
    push                    an engine that was killed                Gone
    push                    an engine that is stopped, without end   Silent
    push                    from two threads at once                 Busy
    skip                    a negative count                         WrongUse
    erase_last              NaN seconds                              WrongUse
    erase_last              no seconds                               WrongUse
    dtmf                    a digit that is none                     Refused
    private                 a call that was pressed                  Refused
    record                  a call that is private                   Refused
    record                  after end                                Ended
    end                     twice                                    Ended
    wait_kept               a time limit of None                     WrongUse
    wait_kept               an engine that was killed                Gone
    close                   twice                                    nothing
    LastingCall             nobody listens there                     Gone
    LastingCall             no agent, and this user may act for all  WrongUse
    LastingCall             a time limit of None                     WrongUse
    LastingCall.push        half a sample                            WrongUse
    LastingCall.push        a leg that is none                       WrongUse
    LastingCall.push        an engine that was killed                nothing
    LastingCall.push        after end                                Ended
    LastingCall.push        after close                              Closed
    LastingCall.push        from two threads at once                 Busy
    LastingCall.skip        a negative count                         WrongUse
    LastingCall.record      an engine that was killed                nothing
    LastingCall.record      a call that is private                   Refused
    LastingCall.erase_last  an engine that was killed                Gone
    LastingCall.dtmf        an engine that was killed                Gone
    LastingCall.end         twice                                    Ended
    LastingCall.wait_kept   a time limit of None                     WrongUse
    LastingCall.close       twice                                    nothing

One thread at a time uses an engine and its calls. A phone with an audio callback lets the callback put its frames into a queue, and a thread
push them. `push` waits for the engine only while a megabyte waits to be sent, and every wait has a time limit, in seconds.
"""

from __future__ import annotations

import json
import math
import os
import select
import socket
import struct
import threading
import time
from collections import deque
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Deque, Dict, Iterator, List, NamedTuple, Optional, Tuple, Type, Union

__version__ = "0.1.0"
__all__ = [
    "AGENT", "CUSTOMER", "Busy", "Call", "Closed", "Ended", "Engine", "Gone", "LastingCall", "Refused", "RetrocallError", "Silent", "States",
    "WrongUse",
]  # fmt: skip

VERSION = 1
CONTROL, AGENT, CUSTOMER = 1, 2, 3  # the kinds of message; a leg goes by its kind
LEGS = {AGENT: "agent", CUSTOMER: "customer"}
BYTES_A_SAMPLE = {"pcm16": 2, "ulaw": 1, "alaw": 1}
EVENTS_MAX = 4096  # events that wait for a program that does not ask for them: over that, the oldest are forgotten
FRAME_SAMPLES_MAX = 5760  # 120 ms at 48 kHz
RATE_MIN, RATE_MAX = 8000, 48000
POSITION_MAX = 2**64 - 1
UNSENT_BYTES_MAX = 1 << 20  # what may wait for an engine that takes nothing
ANSWER_SECONDS = 60.0  # an `erase-last` waits for the disk
HELLO_SECONDS = 30.0

Message = Dict[str, Any]
Path = Union[str, "os.PathLike[str]"]
Samples = Union[bytes, bytearray, memoryview]


class RetrocallError(Exception):
    """Something that has to do with retrocall went wrong. The phone call goes on."""


class Refused(RetrocallError):
    """The engine does not do what it was asked. `reason` is a word (docs/protocol.md has the list), the text a sentence for people."""

    def __init__(self, answer: Message) -> None:
        self.reason = str(answer.get("reason", "refused"))  # a later engine may have a reason that is not in the list
        self.answer = answer
        super().__init__(f"{self.reason}: {answer.get('text', '')}")


class Gone(RetrocallError):
    """There is no connection, or no longer. The text says why, and what to do."""


class Silent(Gone):
    """The engine has not answered, or not taken what was sent, within the time limit."""


class WrongUse(RetrocallError, ValueError):
    """Your program has a fault. Nothing was sent."""


class Closed(WrongUse):
    """The engine was closed by your program."""


class Ended(WrongUse):
    """The call was ended by your program."""


class Busy(WrongUse):
    """Another thread is in the middle of something with this engine."""


class States(NamedTuple):
    """What was decided for a call, and holds now."""

    recording: bool = False  # record was pressed, here or elsewhere
    masked: bool = False
    on_hold: bool = False
    private: bool = False
    objected: bool = False
    copy: bool = False  # the customer wants a copy

    @classmethod
    def of(cls, message: Message) -> States:
        """As an answer or an event says it."""
        return cls(*(bool(message.get(name)) for name in cls._fields))


def _limit(timeout: float) -> float:
    """When a wait that begins now is over."""
    if not isinstance(timeout, (int, float)) or not 0 <= timeout < math.inf:
        raise WrongUse(f"{timeout!r} is no time limit: name the seconds that it may take")
    return time.monotonic() + timeout


def _whole(samples: Samples, codec: str) -> bytes:
    """Samples as bytes, if they are that."""
    if not isinstance(samples, (bytes, bytearray, memoryview)):
        raise WrongUse(f"samples are bytes, not {type(samples).__name__}")
    data, size = bytes(samples), BYTES_A_SAMPLE[codec]
    if len(data) % size:
        raise WrongUse(f"{len(data)} bytes are no whole number of samples: {codec} has {size} bytes each")
    return data


class Engine:
    """One connection, for any number of calls."""

    def __init__(self, path: Path, timeout: float = HELLO_SECONDS) -> None:
        deadline = _limit(timeout)
        self.calls: Dict[str, Call] = {}  # those that were begun or attached here, by their ids
        self._unsent = bytearray()
        self._received = bytearray()
        self._answers: Dict[int, Message] = {}
        self._asked: set[int] = set()  # requests whose answers somebody will ask for
        self._events: Deque[Message] = deque(maxlen=EVENTS_MAX)
        self._last_id = 0
        self._deaf = False  # the engine takes nothing more; what it said last may still be on its way
        self._fault: Optional[str] = None  # why it closes, in its own words
        self._gone: Optional[str] = None  # why this connection is over
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._socket: Optional[socket.socket] = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(timeout)
            self._socket.connect(os.fspath(path))
            self._socket.setblocking(False)
            while not self._events:
                if not self._exchange(deadline):
                    raise Silent(f"what listens on {path} has said nothing for {timeout:g} s: see the engine's log")
        except socket.timeout as error:
            self.close()
            raise Silent(f"what listens on {path} takes no connection for {timeout:g} s: see the engine's log") from error
        except OSError as error:
            self.close()
            # Not there, or not for this user: `socket_group` in retrocall.toml opens it to others.
            step = "see `socket_group`" if isinstance(error, PermissionError) else "start an engine with `retrocall run`"
            raise Gone(f"can't connect to {path} ({error.strerror or error}): {step}") from error
        except RetrocallError:
            self.close()
            raise
        self.hello = self._events.popleft()  # version, limits, and the agent that this user is, if it may act for one alone
        if self.hello.get("event") != "hello" or self.hello.get("version") != VERSION:
            self.close()
            raise Gone(f"what listens on {path} is no retrocall engine that speaks version {VERSION}")

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection. Calls that were not ended wait for `attach`, and end after the engine's grace time."""
        with self._alone():
            if self._socket is not None:
                self._socket.close()
                self._socket = None

    def begin(
        self,
        agent: Optional[str] = None,
        rate: int = 8000,
        codec: str = "pcm16",
        customer: Optional[str] = None,
        direction: str = "inbound",
        continues: Optional[str] = None,
        states: States = States(),
        informed: Optional[str] = None,
    ) -> Call:
        """Announces a call: it begins now, at position 0. Without an agent: the one that this user is. For what is left of a call that an engine
        had that is gone: its id as `continues`, and what held of it. `informed` says how the customer was told that calls may be kept: "tape",
        "spoken", or "none" (then it can't be sampled); without it a setting does. What could not be used is in `left_out` of what is returned."""
        agent = agent or self.hello.get("agent")
        if not agent:
            raise WrongUse("name an agent: this user may act for all of them")
        if codec not in BYTES_A_SAMPLE:
            raise WrongUse(f"{codec!r} is no codec: one of {', '.join(BYTES_A_SAMPLE)}")
        if not isinstance(rate, int) or not RATE_MIN <= rate <= RATE_MAX:
            raise WrongUse(f"{rate!r} is no rate: {RATE_MIN} to {RATE_MAX} samples a second")
        fields: Message = {"agent": agent, "rate": rate, "codec": codec, "customer": customer, "direction": direction, "continues": continues}
        fields["informed"] = informed
        fields.update({name: True for name, holds in states._asdict().items() if holds})
        begun = self.ask("begin", **fields)
        return Call(self, {"rate": rate, "codec": codec, "direction": direction, **begun})

    def attach(self, call: str) -> Call:
        """Takes over a call whose connection was lost, by its id, as it is: its rate, codec and states are in what is returned, and `positions`
        is where each leg goes on."""
        return Call(self, self.ask("attach", call=call))

    def live_calls(self) -> List[Message]:
        """The live calls that this user may see, each a dictionary."""
        calls: List[Message] = self.ask("calls")["calls"]
        return calls

    def status(self) -> Message:
        """How the engine is, for its owner."""
        status: Message = self.ask("status")["status"]
        return status

    def press(self, do: str = "record", **target: Any) -> Message:
        """Any control for a call that another connection carries: `press("record", agent="anna")`, or `call=` its id, or nothing."""
        return self.ask(do, **target)

    def ask(self, do: str, timeout: float = ANSWER_SECONDS, **fields: Any) -> Message:
        """Any request: waits for its answer, takes in what comes before it, and returns it. What is None is left out."""
        with self._turn():
            deadline = _limit(timeout)
            number = self.request(do, **fields)
            answer = self._answer(number, deadline)
            if answer is None:
                self._asked.discard(number)  # it may still come, and nobody wants it then
                raise Silent(f"the engine has not answered `{do}` for {timeout:g} s: see its log")
            if answer["answer"] == "refused":
                raise Refused(answer)
            return answer

    def request(self, do: str, **fields: Any) -> int:
        """Any request, without waiting: returns the number that `answer` takes. For those who have audio to send meanwhile."""
        with self._turn():
            wanted = {name: value for name, value in fields.items() if value is not None}
            try:
                payload = json.dumps({"id": self._last_id + 1, "do": do, **wanted}, allow_nan=False).encode()
            except (TypeError, ValueError) as error:
                raise WrongUse(f"`{do}` has a field that can't be sent as JSON: {error}") from error
            self._last_id += 1
            self._asked.add(self._last_id)
            self._unsent += struct.pack("<2sBBI", b"RC", VERSION, CONTROL, len(payload)) + payload
            self._exchange(0.0)
            return self._last_id

    def answer(self, number: int, timeout: float = 0.0) -> Optional[Message]:
        """The answer to a `request`, also a refusal; None if it has not come within that time."""
        with self._turn():
            deadline = _limit(timeout)
            if number not in self._asked:
                raise WrongUse(f"no answer to {number!r} is due: `request` gives the numbers, and each has one answer")
            return self._answer(number, deadline)

    def event(self, timeout: float = 0.0) -> Optional[Message]:
        """The next event, a dictionary; None if none comes within that time."""
        with self._turn():
            deadline = _limit(timeout)
            while not self._events:
                if not self._exchange(deadline):
                    return None
            return self._events.popleft()

    def fileno(self) -> int:
        """For `select`: when it can be read, `event()` has something to take in."""
        return self._open().fileno()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One thread at a time."""
        if not self._lock.acquire(blocking=False):
            raise Busy("two threads use this engine at once: let one of them have it, and a queue to that one")
        try:
            yield
        finally:
            self._lock.release()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with self._alone():
            self._open()
            yield

    def _open(self) -> socket.socket:
        if self._socket is None:
            raise Closed("this engine was closed: connect again")
        if self._pid != os.getpid():
            raise WrongUse("this engine is another process's: connect anew after a fork")
        return self._socket

    def _answer(self, number: int, deadline: float) -> Optional[Message]:
        while number not in self._answers:
            if not self._exchange(deadline):
                return None
        self._asked.discard(number)
        return self._answers.pop(number)

    def _send_audio(self, leg: int, head: bytes, frame: bytes, deadline: float) -> None:
        """A frame goes whole or not at all. While the engine takes nothing, so much may wait."""
        while len(self._unsent) > UNSENT_BYTES_MAX:
            is_over = time.monotonic() >= deadline
            if not self._move(deadline) and is_over:
                raise Silent("the engine takes no more audio: drop this frame, and `skip` its samples")
            self._take_in_all()
        self._unsent += struct.pack("<2sBBI", b"RC", VERSION, leg, len(head) + len(frame)) + head + frame
        self._move(0.0)
        self._take_in_all()

    def _take_in_all(self) -> None:
        while self._sort():
            pass
        if self._gone:
            raise Gone(self._gone)

    def _exchange(self, deadline: float) -> bool:
        """Takes in one message. False if none comes until the deadline."""
        while not self._sort():
            if self._gone:
                raise Gone(self._gone)
            is_over = time.monotonic() >= deadline
            if not self._move(deadline) and is_over:
                return False
        return True

    def _move(self, deadline: float) -> bool:
        """Waits until bytes can be moved, and moves them. False if none could be."""
        wire = self._open()
        waiting = [wire] if self._unsent and not self._deaf else []
        readable, writable, _ = select.select([wire], waiting, [], max(0.0, deadline - time.monotonic()))
        if writable:
            self._write(wire)
        if readable:
            self._read(wire)
        return bool(readable or writable)

    def _write(self, wire: socket.socket) -> None:
        try:
            sent = wire.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self._deaf = True  # it has closed, and said why before that: that is still to be read
            sent = len(self._unsent)
        del self._unsent[:sent]

    def _read(self, wire: socket.socket) -> None:
        try:
            more = wire.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            more = b""
        self._received += more
        if not more:
            self._gone = "the engine closed the connection: a call that is not ended ends after its grace time"

    def _sort(self) -> bool:
        """Puts a message that has come on the pile it belongs to, if there is one."""
        message = self._unpack()
        if message is None:
            if self._gone and self._fault:
                self._gone = self._fault
            return False
        if "answer" in message:
            if message.get("id") in self._asked:
                self._answers[message["id"]] = message
        elif message.get("event") == "error":
            self._fault = f"{message.get('error')}: {message.get('text')}"
        else:
            self._events.append(message)
        call = self.calls.get(message.get("call", ""))
        if call is not None:
            call._hear(message)
        return True

    def _unpack(self) -> Optional[Message]:
        """Takes one whole message out of what was received, if there is one. A stream has no borders: there may be half of one."""
        if len(self._received) < 8:
            return None
        magic, version, kind, size = struct.unpack_from("<2sBBI", self._received)
        if (magic, version, kind) != (b"RC", VERSION, CONTROL):
            raise Gone(f"what listens there is no retrocall engine that speaks version {VERSION}")
        if len(self._received) < 8 + size:
            return None
        try:
            message = json.loads(bytes(self._received[8 : 8 + size]))
        except ValueError as error:
            raise Gone("what listens there is no retrocall engine: it sends what is not JSON") from error
        del self._received[: 8 + size]
        return message if isinstance(message, dict) else {}


class Call:
    """A call that this connection carries. Every control returns the engine's answer; asked twice it does no harm."""

    def __init__(self, engine: Engine, begun: Message) -> None:
        self.engine = engine
        self.id: str = begun["call"]  # valid on every connection, for as long as the engine runs
        self.channel: int = begun["channel"]  # valid on this one
        self.agent: str = begun.get("agent", "")  # who talks by now
        self.codec: str = begun.get("codec", "pcm16")
        self.rate: int = begun.get("rate", RATE_MIN)
        self.direction: str = begun.get("direction", "inbound")
        self.states = States.of(begun)
        self.exempt: bool = begun.get("exempt", False)  # it is on a line that is never captured: nothing of it is held
        self.left_out: List[str] = begun.get("left_out", [])  # what was said at `begin` and can't be used
        agent, customer = begun.get("positions", (0, 0))
        self.positions = {AGENT: int(agent), CUSTOMER: int(customer)}  # where the next frame of each leg goes
        self.path: Optional[str] = None  # the recording, once it is on disk for good
        self.ended_by: Optional[str] = None  # why the engine ended it, if it did
        self._ended = False  # by us
        engine.calls[self.id] = self

    @property
    def recording(self) -> bool:
        """Whether record was pressed, here or elsewhere."""
        return self.states.recording

    def push(self, leg: int, samples: Samples, position: Optional[int] = None, timeout: float = 10.0) -> None:
        """Sends samples of one leg: bytes of the call's codec, which go on where that leg ended, or at a position, counted from the
        begin of the call. What is missing becomes silence, so go on counting when frames are lost: `skip` does."""
        with self._turn():
            deadline = _limit(timeout)
            position = self._place(leg) if position is None else position
            if not isinstance(position, int) or not 0 <= position <= POSITION_MAX:
                raise WrongUse(f"{position!r} is no position: samples since the begin of the call, from 0")
            data, size = _whole(samples, self.codec), BYTES_A_SAMPLE[self.codec]
            self._place(leg)
            if self.ended_by:
                raise Gone(f"the engine has ended the call ({self.ended_by}): begin again with `continues`")
            for start in range(0, len(data), FRAME_SAMPLES_MAX * size):
                frame = data[start : start + FRAME_SAMPLES_MAX * size]
                self.engine._send_audio(leg, struct.pack("<IQ", self.channel, position), frame, deadline)
                position += len(frame) // size
                self.positions[leg] = position

    def skip(self, leg: int, count: int) -> None:
        """So many samples of a leg are lost: silence in their place."""
        if not isinstance(count, int) or count < 0:
            raise WrongUse(f"{count!r} is no count of samples")
        self.positions[leg] = self._place(leg) + count

    def record(self) -> Message:
        """The button: the whole call is kept, from its first second until hangup."""
        answer = self.ask("record")
        self.states = self.states._replace(recording=True)
        return answer

    def copy(self) -> Message:
        """The customer wants a copy: the whole call is kept, as by `record`, for that purpose."""
        answer = self.ask("copy")
        self.states = self.states._replace(copy=True)
        return answer

    def mask(self) -> Message:
        """Both legs are silence from now on, and are not held."""
        return self.ask("mask")

    def unmask(self) -> Message:
        """Ends a mask."""
        return self.ask("unmask")

    def erase_last(self, seconds: float) -> Message:
        """The last seconds become silence, in memory and in what is already written."""
        if not isinstance(seconds, (int, float)) or not 0 < seconds < math.inf:
            raise WrongUse(f"{seconds!r} is no number of seconds over 0")
        return self.ask("erase-last", seconds=seconds)

    def hold(self) -> Message:
        """The customer waits: silence until `resume`."""
        return self.ask("hold")

    def resume(self) -> Message:
        """Ends a hold."""
        return self.ask("resume")

    def private(self) -> Message:
        """Not this call: what is held is wiped, and nothing more is held."""
        return self.ask("private")

    def object(self) -> Message:
        """The customer objects to training: the call can't be sampled."""
        return self.ask("object")

    def transfer(self, to: str) -> Message:
        """Another agent talks from now on."""
        return self.ask("transfer", to=to)

    def dtmf(self, digit: str, leg: Optional[int] = None) -> Message:
        """A key was pressed on the phone. Only with its leg can keys record a call, or be an objection."""
        if leg is not None and leg not in LEGS:
            raise WrongUse(f"{leg!r} is no leg: AGENT or CUSTOMER")
        return self.ask("dtmf", digit=digit, leg=LEGS.get(leg) if leg else None)

    def end(self) -> Message:
        """Hangup. The answer has the length of the call."""
        answer = self.ask("end")
        self._ended = True
        if not self._is_asked_for():
            self.engine.calls.pop(self.id, None)  # nothing more is heard of it
        return answer

    def wait_kept(self, timeout: float = ANSWER_SECONDS) -> Optional[str]:
        """The path of the recording, once it is on disk for good; None if nobody asked to keep the call, or not within that time. Only the
        engine's owner can open it. Nobody needs to wait for it: it is completed in any case."""
        with self.engine._turn():
            deadline = _limit(timeout)
            while self._is_asked_for() and self.path is None:
                if not self.engine._exchange(deadline):
                    break
            return self.path

    def ask(self, do: str, **fields: Any) -> Message:
        """Any request for this call."""
        with self._turn():
            return self.engine.ask(do, channel=self.channel, **fields)

    def request(self, do: str, **fields: Any) -> int:
        """Any request for this call, without waiting for its answer: see `Engine.request`."""
        with self._turn():
            return self.engine.request(do, channel=self.channel, **fields)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with self.engine._turn():
            if self._ended:
                raise Ended("this call was ended: nothing more can be sent or asked of it")
            yield

    def _is_asked_for(self) -> bool:
        return self.states.recording or self.states.copy

    def _place(self, leg: int) -> int:
        if leg not in self.positions:
            raise WrongUse(f"{leg!r} is no leg: AGENT or CUSTOMER")
        return self.positions[leg]

    def _hear(self, message: Message) -> None:
        """Something about this call. Unknown events are passed over: later engines may have more."""
        event = message.get("event")
        if event == "recording":
            is_copy = message.get("reason") == "copy"
            self.states = self.states._replace(copy=True) if is_copy else self.states._replace(recording=True)
        elif event == "state":
            self.agent, self.states = message.get("agent", self.agent), States.of(message)
        elif event == "kept":
            self.path = message["path"]
            self.states = self.states if self._is_asked_for() else self.states._replace(recording=True)
            self.engine.calls.pop(self.id, None)
        elif event == "ended":
            self.ended_by = message.get("by", "engine")


class LastingCall:
    """A phone call that is captured for as long as there is an engine, through lost connections and restarts.

    While the engine is away, frames are dropped and counted: they are silence, or missing between two recordings. What is decided meanwhile
    (`record`, `mask`, `private` …) is remembered, and is the first thing that the engine hears when it is back, before any audio. If it still
    knows the call, that goes on; else what is left is a call of its own, which continues it: `parts` has the ids, in their order, and each
    recording names the one before.

    With `memory`, the path of a file, what holds of the call is kept there as well (its ids, agent and states; neither audio nor the customer).
    A program that was killed goes on with the call when it makes it anew with the same file. `end` removes it."""

    def __init__(
        self,
        path: Path,
        agent: Optional[str] = None,
        rate: int = 8000,
        codec: str = "pcm16",
        customer: Optional[str] = None,
        direction: str = "inbound",
        memory: Optional[Path] = None,
        retry: float = 0.2,
        patience: float = 5.0,
        informed: Optional[str] = None,
    ) -> None:
        """`retry` is how long it is between two looks for an engine that is away, `patience` how long one that is there may take for anything."""
        _limit(retry), _limit(patience)
        self.path, self.agent, self.rate, self.codec = path, agent, rate, codec
        self.customer, self.direction, self.informed = customer, direction, informed
        self.retry, self.patience = retry, patience
        self.parts: List[str] = []  # the calls that engines made of it; the last one goes on now
        self.left_out: List[str] = []  # what they could not use when they were told of them
        self.kept: Dict[str, str] = {}  # recordings that were told to be on disk for good, by call
        self.states = States()
        self.trouble: Optional[str] = None  # why there is no engine now
        self.positions = {AGENT: 0, CUSTOMER: 0}  # samples of each leg since this program has the call
        self._base: Optional[int] = None  # where the last part began, as one of them
        self._call: Optional[Call] = None
        self._first_agent = agent
        self._pending: List[Tuple[str, Message]] = []  # controls that the engine has not answered, in their order
        self._next_try = 0.0
        self._ended = self._closed = False
        self._memory = memory
        self._lock = threading.RLock()
        self._remember()
        if self.parts:
            self._found()
        else:
            self._come_back()

    @property
    def is_captured(self) -> bool:
        """Whether there is an engine that has it now."""
        return self._call is not None

    def push(self, leg: int, samples: Samples) -> bool:
        """The next samples of a leg, in bytes. False if there is no engine: they are lost, and what comes after them has its place."""
        with self._turn():
            data, size, position = _whole(samples, self.codec), BYTES_A_SAMPLE[self.codec], self._place(leg)
            self.positions[leg] += len(data) // size
            call = self._found()
            if call is None or self._base is None:
                return False
            # What was said before this part began is no part of it.
            before = max(0, self._base - position)
            try:
                call.push(leg, data[before * size :], max(0, position - self._base), timeout=self.patience)
            except Gone as gone:
                self._lose(gone)
                return False
            return True

    def skip(self, leg: int, count: int) -> None:
        """So many samples of a leg are lost: silence in their place."""
        with self._turn():
            if not isinstance(count, int) or count < 0:
                raise WrongUse(f"{count!r} is no count of samples")
            self.positions[leg] = self._place(leg) + count

    def record(self) -> Optional[Message]:
        """The button. Returns the engine's answer; None if there is no engine: it is asked when it is back. So are all controls."""
        return self._decide("record")

    def copy(self) -> Optional[Message]:
        """The customer wants a copy: the whole call is kept for that."""
        return self._decide("copy")

    def mask(self) -> Optional[Message]:
        """Both legs are silence from now on, and are not held."""
        return self._decide("mask")

    def unmask(self) -> Optional[Message]:
        """Ends a mask."""
        return self._decide("unmask")

    def hold(self) -> Optional[Message]:
        """The customer waits: silence until `resume`."""
        return self._decide("hold")

    def resume(self) -> Optional[Message]:
        """Ends a hold."""
        return self._decide("resume")

    def private(self) -> Optional[Message]:
        """Not this call: what is held is wiped, and nothing more is held."""
        return self._decide("private")

    def object(self) -> Optional[Message]:
        """The customer objects to training: the call can't be sampled."""
        return self._decide("object")

    def transfer(self, to: str) -> Optional[Message]:
        """Another agent talks from now on."""
        return self._decide("transfer", to=to)

    def erase_last(self, seconds: float) -> Message:
        """The last seconds become silence. Gone if there is no engine: what one has written that is away, nobody can erase."""
        with self._turn():
            return self._now().erase_last(seconds)

    def dtmf(self, digit: str, leg: Optional[int] = None) -> Message:
        """A key was pressed on the phone. Gone if there is no engine."""
        with self._turn():
            return self._now().dtmf(digit, leg)

    def end(self) -> None:
        """Hangup. An engine that is away ends the call by itself; for one that has to hear of a press it is looked for once more."""
        with self._turn():
            deadline = time.monotonic() + self.patience
            self._next_try = 0.0
            while (call := self._found()) is None and self._pending and time.monotonic() < deadline:
                time.sleep(self.retry)
            self._ended = True
            try:
                if call is not None:
                    call.end()
            except Gone as gone:
                self._lose(gone)
            except Refused:
                pass  # it has ended by itself
            if self._memory is not None and os.path.exists(self._memory):
                os.remove(self._memory)

    def wait_kept(self, timeout: float = ANSWER_SECONDS) -> Optional[str]:
        """The path of the last part's recording, once it is on disk for good; None if record was not pressed, or not within that time, or if
        the engine is away: it completes what it has by itself. Those of all parts that were told are in `kept`."""
        with self._turn(even_ended=True):
            _limit(timeout)
            call = self._call
            if call is None:
                return None
            try:
                call.wait_kept(timeout)
                self._listen(call)
            except Gone as gone:
                self._lose(gone)
            return call.path

    def close(self) -> None:
        """Lets go of it. A call that was not ended ends after the engine's grace time, and until then `memory` goes on with it."""
        if not self._closed:
            with self._turn(even_ended=True):
                self._closed = True
                self._let_go()

    @contextmanager
    def _turn(self, even_ended: bool = False) -> Iterator[None]:
        if not self._lock.acquire(blocking=False):
            raise Busy("two threads use this call at once: let one of them have it, and a queue to that one")
        try:
            if self._closed:
                raise Closed("this call was let go of with `close`")
            if self._ended and not even_ended:
                raise Ended("this call was ended: nothing more can be sent or asked of it")
            yield
        finally:
            self._lock.release()

    def _place(self, leg: int) -> int:
        if leg not in self.positions:
            raise WrongUse(f"{leg!r} is no leg: AGENT or CUSTOMER")
        return self.positions[leg]

    def _now(self) -> Call:
        call = self._found()
        if call is None:
            raise Gone("there is no engine now, and later it would mean another moment")
        return call

    def _decide(self, do: str, **fields: Any) -> Optional[Message]:
        """Asks for a control. It is noted before: what has no answer is asked again when the engine, or this program, is back."""
        with self._turn():
            is_there = self._found() is not None
            self._pending.append((do, fields))
            self._keep_memory()
            return self._ask_pending() if is_there else None

    def _ask_pending(self) -> Optional[Message]:
        """Asks for what was not answered yet, in its order. Returns the last answer; Refused if it is that."""
        answer: Optional[Message] = None
        while self._pending and self._call is not None:
            do, fields = self._pending[0]
            refusal: Optional[Refused] = None
            try:
                # Longer than the disk may take to erase.
                answer = self._call.ask(do, timeout=self.patience + 10.0, **fields)
                self._listen(self._call)
            except Refused as refused:
                refusal = refused
            except Gone as gone:
                self._lose(gone)
                return None
            self._pending.pop(0)
            self._keep_memory()
            if refusal is not None and not self._pending:
                raise refusal
        return answer

    def _found(self) -> Optional[Call]:
        """The call, if there is an engine that has it. One that is away is looked for now and then."""
        call = self._call
        if call is not None:
            try:
                self._listen(call)
                if call.ended_by is None:
                    return call
                if call.ended_by == "stopping":
                    return None  # it says what it has kept, and closes
                self._lose(Gone(f"the engine has ended the call: {call.ended_by}"))
            except Gone as gone:
                self._lose(gone)
        if time.monotonic() >= self._next_try:
            try:
                self._come_back()
            except (Gone, Refused) as trouble:
                self.trouble = str(trouble)
                self._next_try = time.monotonic() + self.retry
        return self._call

    def _come_back(self) -> None:
        """Goes on with the call, or with what is left of it, or begins it."""
        engine = Engine(self.path, timeout=self.patience)
        try:
            call = self._carried(engine)
        except BaseException:
            engine.close()
            raise
        now = max(self.positions.values())
        if call.id not in self.parts:
            self.parts.append(call.id)
            self._base = now
        elif self._base is None:
            # Another program had it before this one, which goes on where that one was.
            self._base = now - max(call.positions.values())
        self._call, self.trouble, self.agent, self.states = call, None, call.agent, call.states
        self._keep_memory()
        try:
            self._ask_pending()
        except Refused as refused:
            self.trouble = str(refused)

    def _carried(self, engine: Engine) -> Call:
        before = self.parts[-1] if self.parts else None
        if before is not None:
            try:
                return engine.attach(before)
            except Refused as refused:
                if refused.reason not in ("unknown-call", "ended"):
                    raise
        about = (self.rate, self.codec, self.customer, self.direction, before, self.states, self.informed)
        try:
            call = engine.begin(self.agent, *about)
        except Refused as refused:
            if refused.reason != "not-yours" or self.agent == self._first_agent:
                raise
            # It had gone to another agent, and this engine does not know that: it is offered again.
            self._pending.insert(0, ("transfer", {"to": self.agent}))
            call = engine.begin(self._first_agent, *about)
        self.left_out += call.left_out
        return call

    def _listen(self, call: Call) -> None:
        """Takes in what has come: what holds now, and what is kept."""
        try:
            while (event := call.engine.event(0.0)) is not None:
                if event.get("event") == "kept" and event.get("call") in self.parts:
                    self.kept[event["call"]] = event["path"]
        finally:
            if (self.states, self.agent) != (call.states, call.agent):
                self.states, self.agent = call.states, call.agent
                self._keep_memory()

    def _lose(self, why: Gone) -> None:
        """The connection is lost: another one is looked for at once. Its last `state` may still be there."""
        self.trouble = str(why)
        self._next_try = 0.0
        if self._call is not None:
            try:
                self._listen(self._call)
            except Gone:
                pass
            self._let_go()

    def _let_go(self) -> None:
        if self._call is not None:
            self._call.engine.close()
            self._call = None

    def _remember(self) -> None:
        """What a program before this one knew of the call."""
        if self._memory is None or not os.path.exists(self._memory):
            return
        with open(self._memory, encoding="utf-8") as file:
            known = json.load(file)
        self.parts, self.agent, self.states = list(known["parts"]), known["agent"], States(**known["states"])
        self._pending = [(do, dict(fields)) for do, fields in known["pending"]]

    def _keep_memory(self) -> None:
        if self._memory is None or self._ended:
            return
        known = {"parts": self.parts, "agent": self.agent, "states": self.states._asdict(), "pending": self._pending}
        new = f"{os.fspath(self._memory)}.new"
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(known, file)
        os.replace(new, self._memory)
