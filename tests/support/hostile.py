"""The worker of a child process that a file has taken over: `main` runs the deed of its job."""

import ctypes
import json
import os
import signal
import sys
import time


def main(job):
    DEEDS[job["deed"]](job)


def say(**values):
    sys.stdout.buffer.write(json.dumps(values).encode() + b"\n")
    sys.stdout.buffer.flush()


def loop(job):
    while True:
        pass


def sleep(job):
    say(pid=os.getpid())
    time.sleep(600)


def fork(job):
    """Leave children that hold the output open."""
    for _ in range(3):
        if not os.fork():
            time.sleep(600)
    time.sleep(600)


def escape(job):
    """Leave a grandchild in a session of its own, without becoming its parent."""
    refuse_orphans()
    leave(lambda: time.sleep(600))
    time.sleep(600)


def litter(job):
    """Leave orphans that end at once."""
    refuse_orphans()
    for _ in range(5):
        leave(lambda: None)
    say(done=True)


def refuse_orphans():
    ctypes.CDLL(None).prctl(36, 0)  # PR_SET_CHILD_SUBREAPER


def leave(work):
    if pid := os.fork():
        os.waitpid(pid, 0)
    elif os.fork():
        os._exit(0)
    else:
        os.setsid()
        os.close(1)
        work()
        os._exit(0)


def hoard(job):
    held = []
    while True:
        held.append(bytes(50_000_000))


def scribble(job):
    with open("big", "wb") as file:
        while True:
            file.write(bytes(1_000_000))


def flood(job):
    while True:
        sys.stdout.buffer.write(b'{"natural": [1, 1]}\n' * 10_000)


def boast(job):
    say(bytes=10**15)
    time.sleep(600)


def endless_line(job):
    while True:
        sys.stdout.buffer.write(b"x" * 1_000_000)


def stop_short(job):
    say(bytes=1000)
    sys.stdout.buffer.write(b"x" * 10)


def babble(job):
    say(**job["words"])


def nonsense(job):
    sys.stdout.buffer.write(b"[" * 100_000 + b"\n")


def exceed_cpu(job):
    os.kill(os.getpid(), signal.SIGXCPU)


def print_modules(job):
    say(modules=sorted(sys.modules))
    say(done=True)


def crash(job):
    os.abort()


def print_environment(job):
    say(environment=dict(os.environ), group=os.getpgid(0), session=os.getsid(0))
    say(done=True)


DEEDS = {
    deed.__name__: deed
    for deed in (
        loop,
        sleep,
        fork,
        escape,
        litter,
        hoard,
        scribble,
        flood,
        boast,
        endless_line,
        stop_short,
        babble,
        nonsense,
        exceed_cpu,
        print_modules,
        crash,
        print_environment,
    )
}
