"""A client that does one thing wrong: wrong_client.py FAULT SOCKET. Each of them was somebody's first try at a protocol like this."""
import json, socket, struct, sys

fault, path = sys.argv[1:]
engine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
engine.connect(path)
stream = engine.makefile("rb")

def send(kind, payload, magic=b"RC"):
    engine.sendall(magic + struct.pack("<BBI", 1, kind, len(payload)) + payload)

def receive():
    head = stream.read(8)
    if len(head) < 8:
        sys.exit("closed")
    return json.loads(stream.read(int.from_bytes(head[4:], "little")))

def ask(**request):
    send(1, json.dumps(request).encode())
    while "answer" not in (message := receive()):
        pass
    return message

def frame(kind, channel, position, samples=160):
    send(kind, struct.pack("<IQ", channel, position) + b"\x11\x00" * samples)

receive()
begin = dict(do="begin", agent="anna", rate=8000, codec="pcm16")
if fault == "magic":
    send(1, json.dumps(begin).encode(), magic=b"CR")
    sys.exit()
if fault == "eager":  # does not wait for the channel
    send(1, json.dumps(begin).encode())
    frame(2, 1, 0)
    sys.exit()
if fault == "malformed":
    ask(do="begin", agent="anna", sample_rate=8000, codec="pcm16")
if fault == "one-answer":  # takes the next message for the answer, whatever it is
    send(1, json.dumps(begin).encode())
    channel = receive().get("channel", 9)
else:
    answer = ask(**begin)
    channel = answer.get("channel", 0)  # and does not look whether it was refused
if fault in ("comes-back", "starts-over"):
    try:
        for number in range(10000):
            frame(2, channel, number * 160)
            frame(3, channel, number * 160)
    except OSError:
        pass  # the engine has closed
    engine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    engine.connect(path)
    stream = engine.makefile("rb")
    receive()
    while (back := ask(do="attach", call=answer["call"])).get("reason") == "connected":
        pass
    first = max(back["positions"]) if fault == "comes-back" else 0
    for number in range(10):
        frame(2, back["channel"], first + number * 160)
        frame(3, back["channel"], first + number * 160)
    ask(do="end", channel=back["channel"])
    sys.exit()
for number in range(25):
    position = {"bytes": number * 320, "milliseconds": number * 20, "stuck": 0}.get(fault, number * 160)
    frame(2, channel, position)
    if fault != "one-leg":
        frame(3, channel, position)
    if fault == "hangs-up" and ask(do="mask", channel=channel)["answer"] == "refused":
        sys.exit("the engine refused: I give up the call")
if fault == "odd":
    send(2, struct.pack("<IQ", channel, 25 * 160) + b"\x11\x00\x11")
if fault == "half":
    engine.sendall(b"RC\x01\x02\xff\x00\x00\x00")
    sys.exit()
if fault == "wrong-target":
    ask(do="record", call="01a20d0d-38a0-7b3a-9f62-5d8e4c1b2a39")
if fault == "hangs":
    engine.recv(1 << 20, socket.MSG_WAITALL)
if fault != "no-end":
    ask(do="end", channel=channel)
