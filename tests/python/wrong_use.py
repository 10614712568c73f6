"""Each wrong use that the docstring of examples/retrocall.py lists gets the exception that stands there: wrong_use.py SOCKET of a real engine."""
import json, os, re, socket, struct, sys, tempfile, threading

import retrocall
from retrocall import AGENT, Engine, LastingCall, RetrocallError

real, folder = sys.argv[1], tempfile.mkdtemp()
SHORT = 0.2
ALL = []
HELLO = {"event": "hello", "version": 1, "engine": "0", "limits": {}}


def say(stream, message):
    payload = json.dumps(message).encode()
    stream.sendall(b"RC" + struct.pack("<BBI", 1, 1, len(payload)) + payload)


def hear(stream):
    head = stream.recv(8, socket.MSG_WAITALL)
    payload = stream.recv(int.from_bytes(head[4:], "little"), socket.MSG_WAITALL)
    return json.loads(payload) if head[3:4] == b"\1" else None


class Played:
    """An engine that takes a call and a press, and then is stopped (it neither reads nor speaks) or killed (it closes)."""

    def __init__(self, hello=HELLO, then="stopped", answers=2):
        self.path = os.path.join(folder, f"{id(self)}.sock")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(1)
        self.hello, self.then, self.answers = hello, then, answers
        threading.Thread(target=self.play, daemon=True).start()
        ALL.append(self)  # its connection stays open

    def play(self):
        self.stream, _ = self.listener.accept()
        if self.hello is not None:
            say(self.stream, self.hello)
        for _ in range(self.answers):
            asked = hear(self.stream)
            say(self.stream, {"id": asked["id"], "answer": "accepted", "call": "c", "agent": "anna", "channel": 0})
        if self.then == "killed":
            self.stream.close()


def killed():
    call = Engine(Played(then="killed").path).begin("anna")
    call.record()
    return call


def stopped():
    call = Engine(Played().path).begin("anna")
    call.record()
    return call


def begun(after=None):
    call = engine.begin("anna")
    if after:
        getattr(call, after)()
    return call


def closed():
    other = Engine(real)
    call = other.begin("anna")
    other.close()
    return call


def lasting(after=None, path=None):
    call = LastingCall(path or real, "anna", retry=0.01)
    if after:
        getattr(call, after)()
    return call


def lasting_killed():
    """Without an engine: the one that it had is gone, and nobody comes in its place."""
    played = Played(then="killed", answers=1)
    call = lasting(path=played.path)
    played.listener.close()
    os.remove(played.path)
    while call.is_captured:
        call.push(AGENT, frame)
    return call


def at_once(wait, use):
    """Uses it until another thread that waits for something is in the middle of that."""
    over = threading.Event()

    def turn():
        while not over.is_set():
            try:
                wait()
            except RetrocallError:
                pass  # it was our own thread that was in the middle of something

    threading.Thread(target=turn, daemon=True).start()
    try:
        for _ in range(100_000):
            use()
    finally:
        over.set()


def until_it_fails(use):
    for _ in range(100_000):
        use()


def twice(call, what="end"):
    getattr(call, what)()
    getattr(call, what)()


engine = Engine(real)
busy = Engine(real)
busy_call = busy.begin("anna")
busy_lasting = lasting()
frame = bytes(320)
USES = {
    ("Engine", "nobody listens there"): lambda: Engine(os.path.join(folder, "nothing")),
    ("Engine", "what listens there says nothing"): lambda: Engine(Played(hello=None, answers=0).path, timeout=SHORT),
    ("Engine", "what listens there is no engine"): lambda: Engine(Played(hello={"event": "welcome"}, answers=0).path),
    ("Engine", "a time limit of None"): lambda: Engine(real, timeout=None),
    ("begin", "no agent, and this user may act for all"): lambda: engine.begin(),
    ("begin", "an unknown codec"): lambda: engine.begin("anna", codec="opus"),
    ("begin", "a rate out of its limits"): lambda: engine.begin("anna", rate=96000),
    ("begin", "after close"): lambda: closed().engine.begin("anna"),
    ("attach", "a call that nobody knows"): lambda: engine.attach("01a20d0d-38a0-7b3a-9f62-5d8e4c1b2a39"),
    ("attach", "a call that has its connection"): lambda: engine.attach(busy_call.id),
    ("ask", "a request that there is none of"): lambda: engine.ask("dance"),
    ("ask", "a value that is not JSON"): lambda: engine.ask("record", agent=b"anna"),
    ("ask", "an engine that was killed"): lambda: killed().engine.ask("calls"),
    ("ask", "an engine that is stopped"): lambda: stopped().engine.ask("calls", timeout=SHORT),
    ("ask", "from two threads at once"): lambda: at_once(lambda: busy.event(0.01), lambda: busy.ask("calls")),
    ("answer", "a time limit of None"): lambda: engine.answer(engine.request("calls"), None),
    ("answer", "a number that was never given"): lambda: engine.answer(10**9),
    ("event", "a time limit of None"): lambda: engine.event(None),
    ("event", "a negative time limit"): lambda: engine.event(-1.0),
    ("event", "after close"): lambda: closed().engine.event(),
    ("fileno", "after close"): lambda: closed().engine.fileno(),
    ("push", "a negative position"): lambda: begun().push(AGENT, frame, position=-1),
    ("push", "half a sample"): lambda: begun().push(AGENT, b"\1\2\3"),
    ("push", "a leg that is none"): lambda: begun().push(1, frame),
    ("push", "text in place of bytes"): lambda: begun().push(AGENT, "samples"),
    ("push", "after end"): lambda: begun("end").push(AGENT, frame),
    ("push", "after close"): lambda: closed().push(AGENT, frame),
    ("push", "an engine that was killed"): lambda: (lambda call: until_it_fails(lambda: call.push(AGENT, frame)))(killed()),
    ("push", "an engine that is stopped, without end"): lambda: (
        lambda call: until_it_fails(lambda: call.push(AGENT, frame, timeout=SHORT))
    )(stopped()),
    ("push", "from two threads at once"): lambda: at_once(lambda: busy.event(0.01), lambda: busy_call.push(AGENT, frame)),
    ("skip", "a negative count"): lambda: begun().skip(AGENT, -1),
    ("erase_last", "NaN seconds"): lambda: begun().erase_last(float("nan")),
    ("erase_last", "no seconds"): lambda: begun().erase_last(0),
    ("dtmf", "a digit that is none"): lambda: begun().dtmf("Z"),
    ("private", "a call that was pressed"): lambda: begun("record").private(),
    ("record", "a call that is private"): lambda: begun("private").record(),
    ("record", "after end"): lambda: begun("end").record(),
    ("end", "twice"): lambda: twice(begun()),
    ("wait_kept", "a time limit of None"): lambda: begun("record").wait_kept(None),
    ("wait_kept", "an engine that was killed"): lambda: killed().wait_kept(SHORT),
    ("close", "twice"): lambda: twice(Engine(real), "close"),
    ("LastingCall", "nobody listens there"): lambda: lasting(path=os.path.join(folder, "nothing")),
    ("LastingCall", "no agent, and this user may act for all"): lambda: LastingCall(real),
    ("LastingCall", "a time limit of None"): lambda: LastingCall(real, "anna", patience=None),
    ("LastingCall.push", "half a sample"): lambda: lasting().push(AGENT, b"\1\2\3"),
    ("LastingCall.push", "a leg that is none"): lambda: lasting().push(1, frame),
    ("LastingCall.push", "an engine that was killed"): lambda: lasting_killed().push(AGENT, frame),
    ("LastingCall.push", "after end"): lambda: lasting("end").push(AGENT, frame),
    ("LastingCall.push", "after close"): lambda: lasting("close").push(AGENT, frame),
    ("LastingCall.push", "from two threads at once"): lambda: at_once(
        lambda: busy_lasting.push(AGENT, frame), lambda: busy_lasting.push(AGENT, frame)
    ),
    ("LastingCall.skip", "a negative count"): lambda: lasting().skip(AGENT, -1),
    ("LastingCall.record", "an engine that was killed"): lambda: lasting_killed().record(),
    ("LastingCall.record", "a call that is private"): lambda: lasting("private").record(),
    ("LastingCall.erase_last", "an engine that was killed"): lambda: lasting_killed().erase_last(1),
    ("LastingCall.dtmf", "an engine that was killed"): lambda: lasting_killed().dtmf("1"),
    ("LastingCall.end", "twice"): lambda: twice(lasting()),
    ("LastingCall.wait_kept", "a time limit of None"): lambda: lasting().wait_kept(None),
    ("LastingCall.close", "twice"): lambda: twice(lasting(), "close"),
}

table = retrocall.__doc__.split("exception\n", 1)[1].split("\n\n")[0]
rows = re.findall(r"^    ([\w.]+) {2,}(\S.*?) {2,}(\w+)$", table, re.M)
said = {(method, use): name for method, use, name in rows}
assert len(said) == len(rows), "a row stands twice"
assert said.keys() == USES.keys(), said.keys() ^ USES.keys()
for (method, use), wrong in USES.items():
    try:
        wrong()
        name = "nothing"
    except Exception as error:
        name = type(error).__name__
        assert isinstance(error, RetrocallError) and str(error) and "\n" not in str(error), (method, use, repr(error))
    assert name == said[method, use], f"{method}, {use}: {name}, and the table says {said[method, use]}"
# Whatever was done wrong, the connection goes on.
assert engine.ask("calls")["answer"] == "accepted"
print(len(USES))
