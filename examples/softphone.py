#!/usr/bin/env python3
"""A softphone that hands one call to retrocall: both legs from a stereo WAV file, paced as a phone would, and a press of record.

    softphone.py SOCKET CALL.wav --agent anna --record-at 40

Python 3.8 or newer, nothing but its standard library and `retrocall.py` beside it. SOCKET is the engine's socket (`engine.sock` in its
home), CALL.wav a stereo PCM16 file: the agent left, the customer right. The call goes on when the engine is restarted. What the engine says goes
to standard error; the path of the recording (of its last part, if there are several), once it is on disk for good, to standard output. Exit code
0: done; 1: refused or failed; 2: wrong usage.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import wave
from typing import Optional

from retrocall import AGENT, CUSTOMER, Engine, LastingCall, Refused, RetrocallError


class Failed(Exception):
    """What went wrong, in a line for people."""


def show(what: object) -> None:
    """What the engine said, for people."""
    print("engine:", json.dumps(what, ensure_ascii=False), file=sys.stderr, flush=True)


def open_wav(path: str) -> wave.Wave_read:
    """A stereo PCM16 file of a rate that the engine takes."""
    try:
        wav = wave.open(path, "rb")
    except (OSError, EOFError, wave.Error) as error:
        raise Failed(f"{path}: {error}") from error
    if (wav.getnchannels(), wav.getsampwidth()) != (2, 2):
        raise Failed(f"{path} must be stereo PCM16: make it so with `sox IN.wav -b 16 -c 2 OUT.wav`")
    return wav


def talk(call: LastingCall, wav: wave.Wave_read, speed: float, frame_ms: float, record_at: Optional[float]) -> Optional[Refused]:
    """Sends the whole file, frame by frame, and presses record on the way. Returns what refused it, if anything did: the call goes on."""
    refused = None
    rate, started, is_due = wav.getframerate(), time.monotonic(), record_at is not None
    while True:
        if is_due and call.positions[AGENT] >= (record_at or 0) * rate:
            # The button. Without an engine it is asked when there is one again.
            is_due = False
            try:
                show(call.record() or "record is asked for when the engine is back")
            except Refused as error:
                refused = error
        both = wav.readframes(max(1, round(rate * frame_ms / 1000)))
        if not both:
            return refused
        samples = memoryview(both).cast("h")  # agent, customer, agent, customer ...
        if not (call.push(AGENT, samples[0::2].tobytes()) and call.push(CUSTOMER, samples[1::2].tobytes())):
            # People talk on: this is missing, and all that follows has its place.
            show(call.trouble)
        due = started + call.positions[AGENT] / rate / speed if speed else 0.0
        time.sleep(max(0.0, due - time.monotonic()))


def whole_call(given: argparse.Namespace) -> Optional[str]:
    """A whole call. Returns the path of the recording, if it was recorded."""
    wav = open_wav(given.wav)
    seconds = wav.getnframes() / wav.getframerate()
    if given.record_at is not None and given.record_at > seconds:
        raise Failed(f"--record-at {given.record_at:g} is after the end of the call at {seconds:.1f} s")
    # A real softphone goes on with the phone call if this is refused: it is not captured, and that is all.
    agent = given.agent or agent_of(given.socket)
    call = LastingCall(given.socket, agent, wav.getframerate(), customer=given.customer, direction=given.direction)
    try:
        refused = talk(call, wav, given.speed, given.frame_ms, given.record_at)
        call.end()
        if refused:
            raise refused
        path = call.wait_kept()
        show({"parts": call.parts, "kept": call.kept})
        return path
    finally:
        call.close()


def agent_of(socket: str) -> str:
    """The agent that this user is, or anna at a desk whose owner may act for all."""
    with Engine(socket) as engine:
        show(engine.hello)
        return str(engine.hello.get("agent", "anna"))


def options() -> argparse.Namespace:
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


def main() -> None:
    """Runs it, and says in one line what went wrong if something did."""
    try:
        path = whole_call(options())
    except (Failed, RetrocallError) as error:
        sys.exit(f"softphone: {error}")
    if path:
        print(path)


if __name__ == "__main__":
    main()
