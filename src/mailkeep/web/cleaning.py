"""`safe_html` in a process of its own that may die.

Some HTML of a few kilobytes takes an HTML parser minutes or gigabytes: thousands of nested elements, or formatting elements that every new
paragraph opens again. Such a letter must cost its reader a sentence, not the console its worker. Starting the process takes
some 60 ms, once per opened letter.

    stdin    msgpack: [html, {content id: [type, bytes]}]
    stdout   msgpack: [body, blocked]; nothing and a status other than 0: it could not be done within the limits
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import msgspec

from mailkeep.web.safe_html import Images, Safe, safe_html

SECONDS_MAX = 5
MEMORY_MAX = 1 << 30  # bytes of address space
BODY_MAX = 32 << 20  # bytes of the answer


def cleaned(html: str, images: Images) -> Safe | None:
    """The safe body, or None where it cannot be made within the limits."""
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
    try:
        child = subprocess.run(
            [sys.executable, "-m", "mailkeep.web.cleaning"],
            input=msgspec.msgpack.encode((html, images)),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a dying child's last words would quote the mail
            timeout=SECONDS_MAX,
            env=environment,
            check=True,
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        return None
    body, blocked = msgspec.msgpack.decode(child.stdout, type=tuple[str, int])
    return Safe(body, blocked)


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_MAX, SECONDS_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    html, images = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=tuple[str, dict[str, tuple[str, bytes]]])
    safe = safe_html(html, images)
    if len(safe.body) > BODY_MAX:
        sys.exit(1)
    sys.stdout.buffer.write(msgspec.msgpack.encode((safe.body, safe.blocked)))


if __name__ == "__main__":
    main()
