"""A phone that may be killed at any moment: phone.py SOCKET RAW.legs MEMORY START LEAST PRESSES DONE.

It says the call in RAW.legs (the agent's samples, then the customer's) in real time, from sample START on, and does each of PRESSES
(`record@8000,mask@12000,unmask@16000`) when the call is there: exactly there, if it is not late. A press is printed once it is done, and those in
DONE were done by the phone before this one. It hangs up after LEAST samples, as soon as half a second has been said to an engine without a
break, and prints what became of the call."""
import json, sys, time

from retrocall import AGENT, CUSTOMER, LastingCall, Refused

path, raw, memory, start, least, presses, done = sys.argv[1:]
raw = open(raw, "rb").read()
legs = {AGENT: raw[: len(raw) // 2], CUSTOMER: raw[len(raw) // 2 :]}
at = int(start)
presses = [press.split("@") for press in presses.split(",")]
due = [(int(when), word) for word, when in presses if word not in done.split(",")]


def begun():
    while True:
        try:
            return LastingCall(path, "anna", memory=memory, retry=0.05, patience=2.0)
        except Exception as error:  # there is no engine yet
            print(json.dumps({"trouble": str(error)}), flush=True)
            time.sleep(0.05)


call = begun()
began, first, whole, parts = time.monotonic(), at, 0, list(call.parts)
print(json.dumps({"ready": True}), flush=True)
while at < int(least) or (whole < 4000 and at + 160 <= len(legs[AGENT]) // 2):
    while due and due[0][0] <= at:
        word = due.pop(0)[1]
        try:
            getattr(call, word)()
        except Refused as refused:
            print(json.dumps({"refused": str(refused)}), flush=True)
        print(json.dumps({"pressed": word}), flush=True)
    end = min(at + 160, due[0][0] if due else at + 160)
    went = [call.push(leg, samples[2 * at : 2 * end]) for leg, samples in legs.items()]
    whole = whole + end - at if all(went) and parts == call.parts else 0
    parts = list(call.parts)
    at = end
    time.sleep(max(0.0, began + (at - first) / 8000 - time.monotonic()))
call.end()
call.wait_kept(30.0)
facts = {"parts": call.parts, "left_out": call.left_out, "kept": call.kept, "states": call.states._asdict()}
print(json.dumps({"ended": facts, "base": call._base, "first": first, "said": at}), flush=True)
