"""Letters in Hebrew, written from right to left."""

# ruff: noqa: SIM905  (texts, not code)

from __future__ import annotations

from mailkeep.simulator.conversations.pattern import Conversation, Language

DAYS = ("יום שני", "יום שלישי", "יום רביעי", "יום חמישי", "יום ראשון")
MONTHS = tuple("ינואר פברואר מרץ אפריל מאי יוני יולי אוגוסט ספטמבר אוקטובר נובמבר דצמבר".split())
REGARDS = ("בברכה", "תודה רבה", "בברכה ובתודה")

CONVERSATIONS = (
    Conversation(
        "תוצאות הבדיקה: {product}",
        (
            "היי {to},\n\nמצורפות תוצאות הבדיקה של {count} יחידות {product}. [הסטייה נמוכה מ-0.4% כמעט בכל הטווח.|שתי יחידות חרגו בקצה "
            "הקר.] הגרף מצורף.\n\nאשמח לשמוע מה דעתך לפני {day}.",
            "היי {to},\n\nנראה מצוין. אפשר לחזור על הבדיקה עם הסדרה של {month}? נדמה לי שהאטם הוחלף.",
            "בטח, התא פנוי ב{day}.",
        ),
        attachment="chart",
        outside="them",
    ),
    Conversation(
        "הזמנה {number}: מועד אספקה",
        (
            "שלום {to},\n\nהזמנה {number} בסך {amount} אמורה להגיע ב{month}. [האם המועד עדיין בתוקף?|נשמח לעדכון.]",
            "שלום {to},\n\nכן, המשלוח יוצא ב{day}. מספר המעקב יישלח אליך בנפרד.",
        ),
        outside="us",
    ),
)

LANGUAGE = Language(CONVERSATIONS, DAYS, MONTHS, REGARDS)
