#!/usr/bin/env python3
"""A whole call in fifty lines: minimal.py SOCKET CALL.wav (stereo PCM16, the agent left, the customer right)."""
import json, select, socket, struct, sys, time, wave

def connect():
    global engine
    engine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    engine.connect(sys.argv[1])
    return receive()  # the engine speaks first: `hello`

def send(kind, payload):  # kind: 1 control, 2 audio of the agent, 3 audio of the customer
    try:
        engine.sendall(b"RC" + struct.pack("<BBI", 1, kind, len(payload)) + payload)
    except OSError:
        pass  # it has closed: `receive` takes in what it said last, and then says so

def receive():
    head = engine.recv(8, socket.MSG_WAITALL)
    if len(head) < 8:
        raise ConnectionError("the engine closed the connection")
    message = json.loads(engine.recv(int.from_bytes(head[4:], "little"), socket.MSG_WAITALL))
    print(message)
    if "masked" in message:  # what holds of the call now: kept for the day on which the engine is restarted
        states = ("agent", "recording", "masked", "on_hold", "private", "objected", "copy")
        begin.update({state: message[state] for state in states}, continues=message["call"])
    return message

def ask(**request):
    send(1, json.dumps(request).encode())
    while "answer" not in (message := receive()):
        pass  # an event came first
    return message

def come_back():
    raise  # gives up. Ten lines that don't, to put in this place: docs/protocol.md, "Come back"

begin = {"do": "begin", "codec": "pcm16"}
begin["agent"] = connect().get("agent", "anna")  # it says which agent this user is, if not all of them
with wave.open(sys.argv[2]) as call:
    begin["rate"] = rate = call.getframerate()
    channel = ask(**begin).get("channel")
    if channel is None:
        sys.exit("the call is not captured: people go on talking, and that is all")
    position, due = 0, time.monotonic()
    while samples := call.readframes(rate // 50):  # 20 ms of both legs
        legs = memoryview(samples).cast("h")
        for kind in (2, 3):
            send(kind, struct.pack("<IQ", channel, position) + legs[kind - 2 :: 2].tobytes())
        position, due = position + len(legs) // 2, due + 0.02
        try:
            while select.select([engine], [], [], max(0, due - time.monotonic()))[0]:
                receive()  # events come meanwhile
        except (OSError, ValueError):
            come_back()
pressed = ask(do="record", channel=channel)["answer"] != "refused"  # the button: as late as this, it keeps the whole call
send(1, json.dumps({"do": "end", "channel": channel}).encode())
while receive().get("event") != ("kept" if pressed else None):
    pass  # without a press nothing comes but the answer to `end`
