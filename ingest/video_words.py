"""What FFmpeg has to say: it writes why it fails to standard error and tells its callers nothing."""

from __future__ import annotations

import os
import re
import threading
from collections import deque

KEPT_LINES = 20
LONGEST = 300
_PATIENCE_S = 0.5
_WHERE = re.compile(r"^\[[^\]]*@ 0x[0-9a-f]+\]\s*")
# OpenCV's own lines say less than FFmpeg's before them.
_NOISE = ("[ WARN:", "[ERROR:", "[ INFO:")


class DecoderWords:
    """Takes standard error of this process over and remembers the last lines of it."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        reading, writing = os.pipe()
        os.dup2(writing, 2)
        os.close(writing)
        self._thread = threading.Thread(target=self._read, args=(reading,), daemon=True)
        self._thread.start()

    def refuse_login(self) -> bool:
        """Whether the camera refused name and password, as far as was said by now."""
        threading.Event().wait(0.05)
        return any("401" in line and "nauthorized" in line for line in list(self._lines))

    def last(self) -> str:
        """The last line that says anything. Nothing is taken over any more."""
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        os.close(null)
        self._thread.join(_PATIENCE_S)
        return self._lines[-1] if self._lines else ""

    def _read(self, reading: int) -> None:
        with os.fdopen(reading, errors="replace") as lines:
            for line in lines:
                text = _WHERE.sub("", line.strip())[:LONGEST]
                if text and not text.startswith(_NOISE):
                    self._lines.append(text)
