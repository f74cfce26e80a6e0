"""Letters in German."""

# ruff: noqa: SIM905  (texts, not code)

from __future__ import annotations

from mailkeep.simulator.conversations.pattern import Conversation, Language

DAYS = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag")
MONTHS = tuple("Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split())
REGARDS = ("Mit freundlichen Grüßen", "Viele Grüße", "Beste Grüße")

CONVERSATIONS = (
    Conversation(
        "Angebot {number} – {product}",
        (
            "Guten Tag {to},\n\nvielen Dank für das [freundliche Telefonat|Gespräch auf der Messe]. Anbei erhalten Sie unser Angebot "
            "{number} über {count} Stück {product} zum Gesamtpreis von {amount}, frei Baustelle.\n\nDie Lieferzeit beträgt derzeit "
            "[vier|sechs] Wochen. Für Rückfragen stehe ich Ihnen jederzeit gern zur Verfügung.",
            "Guten Tag {to},\n\nherzlichen Dank. Bevor ich das unserer Geschäftsführung vorlege: Ist die Eichung im Preis enthalten, und "
            "können wir in zwei Losen abrufen?",
            "Guten Tag {to},\n\ndie Eichung ist enthalten, und der Abruf in zwei Losen ist selbstverständlich möglich. [Ich habe das "
            "Angebot entsprechend ergänzt.|Die Preise bleiben davon unberührt.]",
            "Prima, dann bestellen wir so. Die schriftliche Bestellung folgt bis {day}.",
        ),
        attachment="quotation",
        outside="us",
    ),
    Conversation(
        "{project}: Ablesung weicht ab",
        (
            "Hallo {to},\n\nbei der Ablesung im {month} weichen {count} Zähler um mehr als 5 % von der Hauptmessung ab, fast alle im "
            "Strang Süd. [Ich vermute Luft in der Leitung.|Nach dem Spülen war es kurz besser.] Die Werte hängen an.",
            "Hallo {to},\n\nStrang Süd wurde im {month} umgeklemmt, dabei sind vermutlich Vor- und Rücklauf vertauscht worden. "
            "Schau bitte, ob die Temperaturdifferenz negativ ist.",
            "Treffer, negativ. Der Monteur kommt am {day}. Danke!",
        ),
        attachment="readings",
    ),
    Conversation(
        "Protokoll Baubesprechung {project}",
        (
            "Sehr geehrte Damen und Herren,\n\nim Anhang das Protokoll der Baubesprechung vom {day}. Bitte beachten Sie besonders "
            "Punkt 4 (Abschaltung der Übergabestation) und Punkt 6 (Zugang zum Keller).\n\nEinwände bitte bis {day}.",
            "Guten Tag {to},\n\nzu Punkt 4: Die Abschaltung ist erst ab 22 Uhr möglich, [das Krankenhaus hängt am selben Strang|sonst "
            "bleibt die Schule kalt]. Bitte entsprechend ändern.",
        ),
        attachment="minutes",
        outside="them",
    ),
    Conversation(
        "Reisekosten {month}",
        (
            "Hallo {to},\n\nmir fehlt noch der Beleg vom Hotel in [Zürich|Lindau]. Ohne ihn kann ich die {amount} nicht freigeben.",
            "Hallo {to},\n\nist unterwegs, ich hatte ihn in der anderen Jacke. Entschuldige die Umstände!",
        ),
        filed=False,
    ),
    Conversation(
        "Rückfrage zu Rechnung {number}",
        (
            "Guten Tag,\n\nin Ihrer Rechnung {number} über {amount} finden wir die Position »Inbetriebnahme« doppelt. [Bitte prüfen Sie das "
            "und senden uns eine Korrektur.|Könnten Sie das kurz prüfen?]",
            "Guten Tag {to},\n\nSie haben recht, das war unser Fehler. Die korrigierte Rechnung geht Ihnen heute noch zu. Bitte "
            "entschuldigen Sie.",
        ),
        attachment="invoice",
        outside="them",
    ),
    Conversation(
        "Prüfstand am {day} belegt?",
        (
            "Servus {to}, brauchst du den Prüfstand am {day}? Ich würde gern {count} Stück {product} durchlaufen lassen, [die Charge aus "
            "{month} ist endlich da|bevor sie zum Eichamt gehen].",
            "Nimm ihn ruhig, ich bin erst nächste Woche wieder dran. Der Durchflussregler klemmt ein bisschen, Öl steht im Schrank.",
        ),
    ),
    Conversation(
        "Kündigung Wartungsvertrag {customer}",
        (
            "Hallo {to},\n\n{customer} will den Wartungsvertrag zum Jahresende kündigen. Angeblich ist der Wettbewerb um {amount} billiger. "
            "[Rufst du dort an?|Was können wir anbieten?]",
            "Ich habe gerade mit ihnen gesprochen: Es geht nicht um den Preis, sie warten seit {month} auf die neue Auswertung. Wenn die bis "
            "{day} läuft, bleiben sie.",
            "Läuft seit heute Mittag. Sag ihnen bitte Bescheid.",
        ),
    ),
)

LANGUAGE = Language(CONVERSATIONS, DAYS, MONTHS, REGARDS)
