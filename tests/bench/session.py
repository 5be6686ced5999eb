"""The console on a terminal of ours: what it writes with the time it came, what its process costs."""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time

from screen import Screen

WIDTH, HEIGHT = 120, 40


class Session:
    """A program under a pseudo-terminal, from the moment it is started."""

    def __init__(self, command, environment, folder):
        self.screen = Screen(WIDTH, HEIGHT)
        self.written = 0
        # The terminal has its size before the program looks, as a real one has.
        self.fd, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        self.began = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            os.login_tty(theirs)
            os.chdir(folder)
            os.execvpe(command[0], command, environment)
        os.close(theirs)

    def read(self, patience):
        """What comes within `patience` seconds, with the time at which it was there; none when nothing does."""
        if not select.select([self.fd], [], [], max(patience, 0))[0]:
            return None
        now = time.monotonic()
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError:
            data = b""
        if not data:
            raise SystemExit("the console has ended:\n" + "\n".join(self.screen.lines()))
        self.written += len(data)
        if b"\x1b[6n" in data:
            # One column further than it was asked: a box character is as wide as it should be.
            os.write(self.fd, b"\x1b[1;2R")
        self.screen.feed(data)
        return now

    def until(self, seen, patience=30):
        """When the screen first satisfied `seen`: the time of the bytes that made it so."""
        end = time.monotonic() + patience
        while (left := end - time.monotonic()) > 0:
            at = self.read(left)
            if at and seen(self.screen):
                return at
        raise SystemExit(f"not on screen within {patience} s; it shows:\n" + "\n".join(self.screen.lines()))

    def rest(self, seconds):
        """Reads on for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.read(left)

    def quiet(self, seconds, patience=60):
        """Reads on until nothing has come for so long."""
        end = time.monotonic() + patience
        while time.monotonic() < end and self.read(seconds):
            pass

    def type(self, keys):
        os.write(self.fd, keys)

    def memory(self):
        """Resident megabytes: now, and at most so far."""
        with open(f"/proc/{self.pid}/status") as lines:
            sizes = dict(line.split(":", 1) for line in lines)
        return tuple(int(sizes[key].split()[0]) / 1024 for key in ("VmRSS", "VmHWM"))

    def spent(self):
        """Seconds on a processor, and how often a thread gave it back by itself: each time something woke it up again."""
        seconds = yielded = 0
        for thread in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{thread}/schedstat") as stat:
                seconds += int(stat.read().split()[0]) / 1e9
            with open(f"/proc/{self.pid}/task/{thread}/status") as lines:
                yielded += sum(int(line.split()[1]) for line in lines if line.startswith("voluntary"))
        return seconds, yielded

    def end(self):
        os.kill(self.pid, signal.SIGTERM)
        os.waitpid(self.pid, 0)
        os.close(self.fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
