#!/usr/bin/env python3
"""A softphone that hands one call to retrocall: both legs from a stereo WAV file, paced as a phone would, and a press of record.

    softphone.py SOCKET CALL.wav --agent anna --record-at 40

Python 3.8 or newer, nothing but its standard library and `retrocall.py` beside it. SOCKET is the engine's socket (`engine.sock` in its
home), CALL.wav a stereo PCM16 file: the agent left, the customer right. What the engine says goes to standard error; the recording's path,
once it is on disk for good, to standard output. Exit code 0: done; 1: refused or failed; 2: wrong usage.
"""

import argparse
import json
import sys
import time
import wave

from retrocall import AGENT, CUSTOMER, Engine, Gone, Refused


class Failed(Exception):
    """What went wrong, in a line for people."""


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


def talk(call, wav, speed, frame_ms, record_at):
    """Sends the whole file, frame by frame, and presses record on the way. Returns the number of that request."""
    rate, started, pressed = wav.getframerate(), time.monotonic(), None
    while True:
        if pressed is None and record_at is not None and call.positions[AGENT] >= record_at * rate:
            # The button. Its answer is heard while the call goes on: audio never waits for it.
            pressed = call.request("record")
        both = wav.readframes(max(1, round(rate * frame_ms / 1000)))
        if not both:
            return pressed
        samples = memoryview(both).cast("h")  # agent, customer, agent, customer ...
        call.push(AGENT, samples[0::2].tobytes())
        call.push(CUSTOMER, samples[1::2].tobytes())
        due = started + call.positions[AGENT] / rate / speed if speed else 0.0
        while event := call.engine.event(max(0.0, due - time.monotonic())):
            show(event)


def whole_call(given):
    """A whole call. Returns the path of the recording, if it was recorded."""
    wav = open_wav(given.wav)
    seconds = wav.getnframes() / wav.getframerate()
    if given.record_at is not None and given.record_at > seconds:
        raise Failed(f"--record-at {given.record_at:g} is after the end of the call at {seconds:.1f} s")
    with Engine(given.socket) as engine:
        show(engine.hello)
        agent = given.agent or engine.hello.get("agent", "anna")
        # A real softphone goes on with the phone call if this is refused: it is not captured, and that is all.
        call = engine.begin(agent, wav.getframerate(), customer=given.customer, direction=given.direction)
        pressed = talk(call, wav, given.speed, given.frame_ms, given.record_at)
        show(call.end())
        if pressed is not None:
            # Answers come in the order of the requests: this one came before that of `end`.
            answer = engine.answer(pressed)
            show(answer)
            if answer["answer"] == "refused":
                raise Refused(answer)
        return call.wait_kept()


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


def main():
    """Runs it, and says in one line what went wrong if something did."""
    try:
        path = whole_call(options())
    except (Failed, Gone, Refused) as error:
        sys.exit(f"softphone: {error}")
    if path:
        print(path)


if __name__ == "__main__":
    main()
