"""Everyday words in German."""

from __future__ import annotations

from mailkeep.simulator.everyday.pattern import Everyday, Plan

EVERYDAY = Everyday(
    stand_up=Plan("Kurzrunde {department}", "Fünfzehn Minuten im Stehen: gestern, heute, was hakt."),
    review=Plan(
        "Monatsgespräch {project}",
        "1. Stand gegen Plan\n2. Lieferungen {product}\n3. Offene Punkte mit {customer}\n4. Beschlüsse",
    ),
    one_to_one=Plan("Jour fixe mit {name}", "Deine Themen zuerst."),
    meetings=(
        Plan(
            "Baustellenbegehung {project}",
            "Treffpunkt am Tor. Helme liegen bereit, Schuhe nicht.\n\nBitte das letzte Protokoll mitbringen.",
        ),
        Plan(
            "Preisgespräch mit {customer}",
            "Unsere Untergrenze steht im Blatt zum Angebot {number}. Darunter geht niemand allein.",
        ),
        Plan("Entwurfsprüfung {product}", "Gehäuse, Dichtung, Kaltstart. Zwei Stunden, mit Kaffee."),
        Plan(
            "Vorstellungsgespräch Anwendungstechnik",
            "Zweite Runde. Lebenslauf und Notizen liegen bei der Personalabteilung.",
        ),
        Plan("Abnahme üben: {project}", "Trockenlauf der Abnahme: Messwerte, Alarme, Stromausfall."),
        Plan("Telefonat mit {customer}", "Zu Vorgang {number} und wie es danach weitergeht."),
    ),
    whole_days=(
        ("Urlaub", "OOF"),
        ("Messe, Halle 7, Stand B12", "WorkingElsewhere"),
        ("Mobiles Arbeiten", "WorkingElsewhere"),
        ("Inventur", "Busy"),
        ("Brückentag, Büro geschlossen", "Free"),
    ),
    private=(
        Plan("Zahnarzt", "Versichertenkarte mitnehmen."),
        Plan("Elternabend", "Klassenzimmer 2b."),
        Plan("Auto in die Werkstatt", "Winterreifen, und das Geräusch hinten links."),
        Plan("Hausverwaltung anrufen", ""),
    ),
    birthday="Geburtstag von {name}",
    moved="Dieses eine Mal verschoben, der Raum war belegt.",
    errands=(
        Plan(
            "Reklamation {number} von {customer} beantworten",
            "Fotos hängen am Ticket. Sie wollen von einem Menschen hören, nicht vom System.",
        ),
        Plan("Muster {product} bestellen", "Zwölf Stück aus der neuen Charge, diesmal mit Zertifikaten."),
        Plan("Folien für die Sitzung im {month}", "Höchstens fünf: Aufträge, Lieferungen, Leute, Risiken, Wünsche."),
        Plan("Reisebudget prüfen", "Ist die Fahrt zu {customer} noch drin?"),
        Plan("Abnahmeprotokoll {project} schreiben", "Vorlage liegt auf dem Laufwerk; Abschnitte 3 und 7 sind neu."),
        Plan("Kalibrierschein verlängern", "Läuft Ende {month} ab."),
        Plan("Vertragsentwurf {customer} lesen", "Ziffern 7 und 11."),
    ),
    weekly=Plan("Wochenzahlen", "Aufträge, Lieferungen, offene Reklamationen. Bis Mittag, bitte."),
    monthly=Plan("Reisekosten einreichen", "Belege als PDF, je Zeile einer."),
    notes=(
        "Besprechungsraum\nTürcode am Empfang erfragen.\nDer Beamer will zweimal eingeschaltet werden.",
        "Ideen für den Rundbrief\n- Fernwärme Auenfeld\n- wie ein Zähler entsteht\n- ein Tag am Prüfstand",
        "Gateways, Seriennummern\nVM3-20417\nVM3-20418\nVM3-20455 (Ersatz)",
        "Zug nach Hause\n17:12, 17:42, 18:12. Gleis 4, nicht 3.",
        "{name} fragen\nWer unterschreibt für {project}, solange ich weg bin?",
    ),
    circles=("Kunden und Lieferanten", "Mittagsrunde"),
    accepted="Zugesagt: ",
    tentative="Mit Vorbehalt: ",
    declined="Abgelehnt: ",
    cancelled="Abgesagt: ",
    online_place="Online",
    online="Online an der Besprechung teilnehmen",
    board="Schwarzes Brett",
    posts=(
        Plan("Fahrrad zu verkaufen", "Drei Gänge, zwei Bremsen, ein Vorbesitzer. Fragt mich beim Mittagessen."),
        Plan(
            "Kaffeemaschine im 2. Stock", "Sie ist aus der Reparatur zurück. Bitte keine Hafermilch mehr in den Tank."
        ),
        Plan("Laufgruppe am Mittwoch", "17:30 Uhr am Eingang, fünf oder acht Kilometer, niemand bleibt zurück."),
    ),
    agenda="Tagesordnung",
)
