"""What fills people's days beside letters, a module per language. `pattern` says how to read them."""

from __future__ import annotations

from mailkeep.simulator.everyday import arabic, english, french, german, hebrew, japanese, spanish, ukrainian
from mailkeep.simulator.everyday.pattern import Everyday

EVERYDAY: dict[str, Everyday] = {
    "en": english.EVERYDAY,
    "de": german.EVERYDAY,
    "fr": french.EVERYDAY,
    "es": spanish.EVERYDAY,
    "uk": ukrainian.EVERYDAY,
    "ja": japanese.EVERYDAY,
    "ar": arabic.EVERYDAY,
    "he": hebrew.EVERYDAY,
}
