#!/usr/bin/env python3
"""A whole call in forty lines: minimal.py SOCKET CALL.wav (stereo PCM16, the agent left, the customer right)."""
import json, socket, struct, sys, time, wave

engine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
engine.connect(sys.argv[1])
stream = engine.makefile("rb")

def send(kind, payload):  # kind: 1 control, 2 audio of the agent, 3 audio of the customer
    engine.sendall(b"RC" + struct.pack("<BBI", 1, kind, len(payload)) + payload)

def receive():
    head = stream.read(8)
    if len(head) < 8:
        sys.exit("the engine closed the connection")
    message = json.loads(stream.read(int.from_bytes(head[4:], "little")))
    print(message)
    if message.get("event") == "error" or message.get("answer") == "refused":
        sys.exit(message["text"])
    return message

def ask(**request):
    send(1, json.dumps(request).encode())
    while "answer" not in (message := receive()):
        pass  # an event came first
    return message

hello = receive()
with wave.open(sys.argv[2]) as call:
    rate, position, started = call.getframerate(), 0, time.monotonic()
    channel = ask(do="begin", agent=hello.get("agent", "anna"), rate=rate, codec="pcm16")["channel"]
    while samples := call.readframes(rate // 50):  # 20 ms of both legs
        legs = memoryview(samples).cast("h")
        for kind in (2, 3):
            send(kind, struct.pack("<IQ", channel, position) + legs[kind - 2 :: 2].tobytes())
        position += len(legs) // 2
        time.sleep(max(0, started + position / rate - time.monotonic()))
ask(do="record", channel=channel)  # the button: as late as this, it keeps the whole call
send(1, json.dumps({"do": "end", "channel": channel}).encode())
while receive().get("event") != "kept":
    pass
