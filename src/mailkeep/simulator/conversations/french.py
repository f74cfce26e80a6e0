"""Letters in French."""

# ruff: noqa: SIM905  (texts, not code)

from __future__ import annotations

from mailkeep.simulator.conversations.pattern import Conversation, Language

DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi")
MONTHS = tuple("janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split())
REGARDS = ("Cordialement", "Bien cordialement", "Bien à vous")

CONVERSATIONS = (
    Conversation(
        "Offre n° {number} : {product}",
        (
            "Bonjour {to},\n\nsuite à notre échange de {day}, veuillez trouver ci-joint notre offre n° {number} pour {count} unités "
            "{product}, au prix de {amount} hors taxes.\n\n[La mise en service est comprise.|Le délai de livraison est de cinq semaines.]",
            "Bonjour {to},\n\nmerci pour votre réactivité. Pourriez-vous préciser si l'étalonnage est compris et si la garantie court à partir de "
            "la pose ou de la livraison ?",
            "Bonjour {to},\n\nl'étalonnage est compris, et la garantie court à partir de la pose. [Je vous envoie l'offre mise à jour.|C'est noté "
            "dans l'offre révisée.]",
            "C'est parfait. Le bon de commande partira {day} au plus tard.",
        ),
        attachment="quotation",
        outside="us",
    ),
    Conversation(
        "Clôture de {month} : écarts à justifier",
        (
            "Bonjour {to},\n\nje prépare la clôture de {month}. Le projet {project} dépasse le budget de {amount} ; le tableau est en pièce "
            "jointe. [Peux-tu me dire ce qui relève de la sous-traitance ?|J'ai besoin d'une explication pour le commissaire aux comptes.]",
            "Bonjour {to},\n\nc'est la location de la nacelle, prolongée de deux semaines à cause de la pluie. Le reste est conforme.",
            "Merci, je l'inscris ainsi.",
        ),
        attachment="figures",
    ),
    Conversation(
        "Compte rendu : {project}",
        (
            "Bonjour à tous,\n\nvous trouverez ci-joint le compte rendu de la réunion de chantier. Trois points restent ouverts : l'accès au "
            "local technique, la coupure prévue {day} et la réception des {count} compteurs.",
            "Bonjour {to},\n\npour la coupure, l'hôpital demande à la décaler après 20 h. [Nous sommes d'accord.|Est-ce possible de votre côté ?]",
        ),
        attachment="minutes",
        outside="them",
    ),
    Conversation(
        "Facture {number} en attente",
        (
            "Bonjour {to},\n\nsauf erreur de notre part, la facture {number} de {amount} reste impayée depuis {month}. Vous en trouverez une "
            "copie ci-jointe.",
            "Bonjour {to},\n\ntoutes nos excuses, elle était restée chez un collègue absent. Le virement est programmé pour {day}.",
        ),
        attachment="invoice",
        outside="them",
    ),
    Conversation(
        "Déjeuner {day} ?",
        (
            "Salut {to}, je passe à Lyon {day}. [On déjeune au bouchon près de la gare ?|Tu es au bureau ?] J'aimerais te parler du projet "
            "{project} avant la réunion.",
            "Avec plaisir, 12 h 30 me va très bien. Je réserve.",
        ),
        filed=False,
    ),
)

LANGUAGE = Language(CONVERSATIONS, DAYS, MONTHS, REGARDS)
