"""What people write to one another, a module per language. `pattern` says how to read them."""

from __future__ import annotations

from mailkeep.simulator.conversations import (
    arabic,
    english,
    french,
    german,
    hebrew,
    japanese,
    spanish,
    ukrainian,
)
from mailkeep.simulator.conversations.pattern import Language

LANGUAGES: dict[str, Language] = {
    "en": english.LANGUAGE,
    "de": german.LANGUAGE,
    "fr": french.LANGUAGE,
    "es": spanish.LANGUAGE,
    "uk": ukrainian.LANGUAGE,
    "ja": japanese.LANGUAGE,
    "ar": arabic.LANGUAGE,
    "he": hebrew.LANGUAGE,
}
ATTRIBUTIONS = {
    "en": "On {date}, {name} wrote:",
    "de": "Am {date} schrieb {name}:",
    "fr": "Le {date}, {name} a écrit :",
    "es": "El {date}, {name} escribió:",
    "uk": "{date} {name} пише:",
    "ja": "{date} {name} のメール:",
    "ar": "في {date} كتب {name}:",
    "he": "בתאריך {date} כתב/ה {name}:",
}
