"""Everyday words in French."""

from __future__ import annotations

from mailkeep.simulator.everyday.pattern import Everyday, Plan

EVERYDAY = Everyday(
    stand_up=Plan("Point rapide {department}", "Quinze minutes debout : hier, aujourd'hui, ce qui bloque."),
    review=Plan(
        "Revue mensuelle : {project}",
        "1. Avancement par rapport au plan\n2. Livraisons {product}\n3. Points ouverts avec {customer}\n4. Décisions",
    ),
    one_to_one=Plan("Entretien avec {name}", "Vos sujets d'abord."),
    meetings=(
        Plan("Visite de chantier, {project}", "Rendez-vous au portail. Casques sur place, chaussures non fournies."),
        Plan("Négociation avec {customer}", "Notre plancher figure dans la feuille jointe à l'offre {number}."),
        Plan("Revue de conception : {product}", "Boîtier, joint, démarrage à froid. Deux heures, café compris."),
        Plan("Clôture du mois", "Écarts par centre de coûts, provisions, relances."),
        Plan("Appel avec {customer}", "À propos du dossier {number} et de la suite."),
    ),
    whole_days=(
        ("Congés", "OOF"),
        ("Salon professionnel, hall 7, stand B12", "WorkingElsewhere"),
        ("Télétravail", "WorkingElsewhere"),
        ("Inventaire", "Busy"),
        ("Pont, bureau fermé", "Free"),
    ),
    private=(
        Plan("Dentiste", "Prendre la carte Vitale."),
        Plan("Réunion parents-professeurs", "Salle 2b."),
        Plan("Voiture au garage", "Pneus d'hiver, et le bruit à l'arrière gauche."),
    ),
    birthday="Anniversaire de {name}",
    moved="Déplacée exceptionnellement, la salle était prise.",
    errands=(
        Plan("Répondre à la réclamation {number} de {customer}", "Les photos sont dans le ticket."),
        Plan("Commander des échantillons {product}", "Douze pièces du nouveau lot, avec les certificats cette fois."),
        Plan("Diapositives pour le conseil de {month}", "Cinq au plus."),
        Plan("Vérifier le budget déplacements", "La visite chez {customer} passe-t-elle encore ?"),
        Plan("Relire le projet de contrat {customer}", "Articles 7 et 11."),
    ),
    weekly=Plan("Chiffres de la semaine", "Commandes, livraisons, réclamations ouvertes. Avant midi."),
    monthly=Plan("Remettre les notes de frais", "Justificatifs en PDF, un par ligne."),
    notes=(
        "Salle de réunion\nDemander le code à l'accueil.\nLe projecteur s'allume en deux fois.",
        "Idées pour la lettre interne\n- le réseau Confluence\n- la naissance d'un compteur",
        "Train du soir\n17 h 12, 17 h 42, 18 h 12. Voie 4, pas 3.",
        "Demander à {name}\nQui signe pour {project} pendant mon absence ?",
    ),
    circles=("Clients et fournisseurs", "Déjeuner du jeudi"),
    accepted="Accepté : ",
    tentative="Provisoire : ",
    declined="Refusé : ",
    cancelled="Annulé : ",
    online_place="En ligne",
    online="Rejoindre la réunion en ligne",
    board="Panneau d'affichage",
    posts=(
        Plan("Vélo à vendre", "Trois vitesses, deux freins, un seul propriétaire."),
        Plan(
            "La machine à café du 2e étage",
            "Elle est réparée. Merci de ne plus verser de lait d'avoine dans le réservoir.",
        ),
    ),
    agenda="Ordre du jour",
)
