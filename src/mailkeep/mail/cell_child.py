"""The child of a `mail.cell`: `python -m mailkeep.mail.cell_child MEMORY SECONDS`. Answers frames until its parent goes away."""

from __future__ import annotations

import resource
import sys
from typing import IO

import msgspec

from mailkeep.mail.cell import BYTES, FAILED, FRAME, NUMBER, PARSED
from mailkeep.mail.parse import Unparsed, attachments, parse


def main(memory_max: int, seconds_max: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_max, memory_max))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    while len(head := questions.read(FRAME.size)) == FRAME.size:
        count, length = FRAME.unpack(head)
        _allow_seconds(seconds_max)
        status, payload = _answer(count, questions, length)
        answers.write(FRAME.pack(status, len(payload)))
        answers.write(payload)
        answers.flush()


def _answer(count: int, questions: IO[bytes], length: int) -> tuple[int, bytes]:
    numbers = [number for (number,) in NUMBER.iter_unpack(questions.read(count * NUMBER.size))]
    try:
        content = questions.read(length)
        if numbers:
            return BYTES, msgspec.msgpack.encode(attachments(content, numbers))
        return PARSED, msgspec.msgpack.encode(parse(content))
    except MemoryError:
        unparsed = Unparsed("too_large", "the message is too large to be shown: download it whole")
    except KeyError:
        unparsed = Unparsed("no_such_part", "the message has no such attachment")
    except Exception as error:  # noqa: BLE001 - whatever hostile mail makes a parser raise is the message's fault, not the view's
        unparsed = Unparsed("crashed", f"the message could not be read ({type(error).__name__})")
    return FAILED, msgspec.msgpack.encode(unparsed)


def _allow_seconds(seconds: int) -> None:
    """So much CPU time from now on: the parent's clock kills first, this one should the parent be gone."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(usage.ru_utime + usage.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
