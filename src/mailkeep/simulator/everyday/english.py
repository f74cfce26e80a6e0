"""Everyday words in English."""

from __future__ import annotations

from mailkeep.simulator.everyday.pattern import Everyday, Plan

EVERYDAY = Everyday(
    stand_up=Plan("{department} stand-up", "Fifteen minutes, standing. Yesterday, today, what is in the way."),
    review=Plan(
        "Monthly review: {project}",
        "1. Where we are against the plan\n2. Deliveries of {product}\n3. Open points with {customer}\n4. Decisions",
    ),
    one_to_one=Plan("1:1 with {name}", "Your topics first."),
    meetings=(
        Plan(
            "Site walk, {project}",
            "We meet at the gate. Helmets are there, shoes are not.\n\nPlease bring the last protocol.",
        ),
        Plan(
            "Price talk with {customer}",
            "Our floor is in the sheet attached to the quotation {number}. Nobody goes below it alone.",
        ),
        Plan(
            "Design review: {product}",
            "Housing, seal, cold start. Two hours, coffee included.\n\nDrawings are in the project folder.",
        ),
        Plan("Interview: application engineer", "Second round. CV and notes of the first talk are with People."),
        Plan("Acceptance rehearsal, {project}", "A dry run of the acceptance: readings, alarms, power cut."),
        Plan("Call with {customer}", "About case {number} and what comes after it."),
    ),
    whole_days=(
        ("On leave", "OOF"),
        ("Trade fair, hall 7, stand B12", "WorkingElsewhere"),
        ("Working from home", "WorkingElsewhere"),
        ("Stocktaking", "Busy"),
        ("Office closed", "Free"),
    ),
    private=(
        Plan("Dentist", "Bring the insurance card."),
        Plan("Parents' evening", "Classroom 2b."),
        Plan("Car to the garage", "Winter tyres, and the noise at the back left."),
        Plan("Call the landlord", ""),
    ),
    birthday="{name}'s birthday",
    moved="Moved this once, the room was taken.",
    errands=(
        Plan(
            "Answer {customer}'s complaint {number}",
            "Photos are in the ticket. They want to hear from a person, not from the system.",
        ),
        Plan("Order samples of {product}", "Twelve pieces, from the new batch. Ask for the certificates this time."),
        Plan(
            "Slides for the {month} board meeting", "Five at most. Orders, deliveries, people, risks, what we ask for."
        ),
        Plan("Check the travel budget", "See whether the trip to {customer} still fits."),
        Plan(
            "Write the acceptance protocol, {project}", "The template is on the shared drive; sections 3 and 7 are new."
        ),
        Plan("Renew the calibration certificate", "Runs out at the end of {month}."),
        Plan("Read the draft agreement with {customer}", "Clauses 7 and 11."),
    ),
    weekly=Plan("Weekly figures", "Orders, deliveries, open complaints. By noon, please."),
    monthly=Plan("Hand in travel expenses", "Receipts as PDF, one per line."),
    notes=(
        "Meeting room\nCode of the door: ask at the desk.\nThe projector wants to be switched on twice.",
        "Ideas for the newsletter\n- the hospital in Leeds\n- how a heat meter is born\n- a day in support",
        "Gateway, serial numbers\nVM3-20417\nVM3-20418\nVM3-20455 (spare)",
        "Train home\n17:12, 17:42, 18:12. Platform 4, not 3.",
        "Ask {name}\nWho may sign for {project} while I am away?",
    ),
    circles=("Customers and suppliers", "Lunch round"),
    accepted="Accepted: ",
    tentative="Tentative: ",
    declined="Declined: ",
    cancelled="Canceled: ",
    online_place="Online",
    online="Join the meeting online",
    board="Notice board",
    posts=(
        Plan("Bicycle for sale", "Three gears, two brakes, one owner. Ask me at lunch."),
        Plan("The coffee machine on floor 2", "It is back from repair. Please don't put oat milk into the tank again."),
        Plan("Running group on Wednesdays", "17:30 at the entrance, five or eight kilometres, nobody is left behind."),
    ),
    agenda="Agenda",
)
