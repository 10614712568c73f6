#!/usr/bin/env python3
"""A terminal for a test: terminal.py COLUMNS LINES PROGRAM ARGUMENT...

What comes on standard input is typed; what the program draws goes to standard output. On standard error: the program's process id, and at
the end whether the terminal is as it was. Ends with the program's exit code."""
import fcntl, os, select, struct, subprocess, sys, termios

columns, lines, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
ours, theirs = os.openpty()
fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
before = termios.tcgetattr(theirs)
# A session of its own: no signal of the test's terminal reaches it.
child = subprocess.Popen(program, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
print(child.pid, file=sys.stderr, flush=True)
typed = [sys.stdin.fileno()]
while True:
    ready = select.select([ours] + typed, [], [], 0.05)[0]
    if ours in ready:
        os.write(sys.stdout.fileno(), os.read(ours, 65536))
    elif typed and typed[0] in ready:
        keys = os.read(typed[0], 4096)
        os.write(ours, keys) if keys else typed.clear()
    elif child.poll() is not None:
        break
print("restored" if termios.tcgetattr(theirs) == before else "not restored", file=sys.stderr, flush=True)
sys.exit(child.returncode if child.returncode >= 0 else 128 - child.returncode)
