"""A phone in the hands of a test: puppet.py SOCKET RAW.legs [MEMORY]. It does what it reads, line by line, and answers each with a line of JSON.

RAW.legs is the agent's samples, then the customer's. `talk N` pushes the next N of both legs; `away N` says them to nobody; anything else is
a method of LastingCall."""
import json, socket, sys

from retrocall import AGENT, CUSTOMER, LastingCall, RetrocallError

raw = open(sys.argv[2], "rb").read()
legs = {AGENT: raw[: len(raw) // 2], CUSTOMER: raw[len(raw) // 2 :]}
call = LastingCall(sys.argv[1], "anna", memory=sys.argv[3] if len(sys.argv) > 3 else None, retry=0.01)
said = 0


def do(word, *given):
    global said
    if word == "talk":
        went = True
        for at in range(said, said + int(given[0]), 160):
            end = min(at + 160, said + int(given[0]))
            for leg, samples in legs.items():
                went = call.push(leg, samples[2 * at : 2 * end]) and went
        said += int(given[0])
        return went
    if word == "start":  # a phone that was started again: the talk is there by now
        said = int(given[0])
        return call.states.recording
    if word == "break":
        call._call.engine._socket.shutdown(socket.SHUT_RDWR)
        return None
    if word == "facts":
        base = {"base": call._base, "said": said, "captured": call.is_captured}
        return {"parts": call.parts, "left_out": call.left_out, "kept": call.kept, "states": call.states._asdict(), **base}
    answer = getattr(call, word)(*(float(value) if value.isdigit() else value for value in given))
    return answer["answer"] if isinstance(answer, dict) else answer


for line in sys.stdin:
    try:
        done = {"done": do(*line.split())}
    except RetrocallError as error:
        done = {"error": type(error).__name__, "text": str(error)}
    print(json.dumps(done), flush=True)
