"""Letters in English."""

# ruff: noqa: SIM905  (texts, not code)

from __future__ import annotations

from mailkeep.simulator.conversations.pattern import Conversation, Language

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
MONTHS = tuple("January February March April May June July August September October November December".split())
REGARDS = ("Kind regards", "Best regards", "Best", "Thanks")

CONVERSATIONS = (
    Conversation(
        "{project}: readings after the firmware update",
        (
            "Hi {to},\n\nthe [first week|first ten days] of readings after the update [are in|have arrived]. {count} of the "
            "{product} units report every 15 minutes as they should; three still send hourly values and one went silent on "
            "{day}.\n\nI have attached the export. [Could you look at the silent one first?|The silent one worries me most.]",
            "Hi {to},\n\nthanks, that is much better than I expected. The silent unit sits behind the fire door on level 2, where the "
            "signal has always been poor. I'll [ask the caretaker to|have somebody] move the antenna before {day}.",
            "[Perfect.|That explains it.] I'll leave the ticket open until we have seen two quiet days.",
        ),
        attachment="readings",
    ),
    Conversation(
        "Quotation {number} – {product}",
        (
            "Dear {to},\n\nthank you for the [pleasant call|visit] on {day}. As promised, please find attached our quotation "
            "{number} for {count} × {product}, delivered to site, at {amount}.\n\nThe offer is valid for 60 days. Commissioning is "
            "included; calibration certificates are [included as well|charged at cost].",
            "Dear {to},\n\nmany thanks. Two questions before this goes to our board: can the delivery be split in two lots, and "
            "does the price hold if we order only {count} this year?",
            "Dear {to},\n\nyes to both. For the split delivery we would add one freight charge, nothing else. [I have amended the "
            "quotation accordingly.|A revised quotation follows today.]",
            "Thank you, that works for us. The purchase order should reach you by {day}.",
        ),
        attachment="quotation",
        outside="us",
    ),
    Conversation(
        "Minutes: {project} weekly",
        (
            "All,\n\nminutes of today's call are attached. In short:\n\n- mechanical works are [on plan|two days behind]\n"
            "- {count} meters installed, {product} delivery confirmed for {day}\n- open: who signs the acceptance protocol on the "
            "customer's side\n\nPlease send corrections by {day}.",
            "Thanks {to}. One correction: the acceptance is in {month}, not the month before. [Otherwise fine.|The rest is as I remember it.]",
        ),
        attachment="minutes",
    ),
    Conversation(
        "Complaint: {product} shows error E{count}",
        (
            "Hello,\n\none of our {product} has been showing error E{count} since {day}. [We switched it off and on twice.|A restart "
            "helped for about an hour.] Serial number is {number}. The tenants have started to ask questions, so a quick answer "
            "would be appreciated.",
            "Hello {to},\n\nsorry about that. E{count} means that the return sensor is out of range, most often a loose plug on the "
            "left-hand side of the housing. Could you take a photo with the cover off? If the plug is fine I will send a replacement today "
            "under case {number}.",
            "It was the plug. [I feel a little silly now.|Ten seconds' work.] Thank you for the fast help!",
        ),
        outside="them",
    ),
    Conversation(
        "Your holiday request in {month}",
        (
            "Hi {to},\n\nyour leave in {month} is approved. Please put a note in the shared calendar and [name|agree on] a stand-in for "
            "{project}.",
            "Thank you! [It is already in the calendar.|Done.] My stand-in knows and has access to the folder.",
        ),
        filed=False,
    ),
    Conversation(
        "Draft agreement with {customer}",
        (
            "{to},\n\nthe draft agreement with {customer} is attached. My changes are in clause 7 (liability capped at {amount}) and "
            "clause 11 (data processing). [Please don't forward it yet.|I would like your view before it goes out.]",
            "I read it on the train. Clause 7 is fine. In clause 11 they will ask where the readings are stored; can we say "
            "'within the EEA' instead of naming the data centre?",
            "Yes, changed. I'll send it to their counsel on {day}.",
        ),
        attachment="agreement",
    ),
    Conversation(
        "Delivery {number} held at customs",
        (
            "Good morning {to},\n\nthe shipment {number} ({count} cartons, {product}) is held at customs because the commercial "
            "invoice lacks the tariff code. Could you [send a corrected invoice|confirm the code] before noon? It would then still make "
            "{day}'s flight.",
            "Good morning {to},\n\nthe code is 9028.20. A corrected invoice is on its way to you. Thank you for calling before it was too late.",
            "Released at 14:20, thank you. [Tracking will update tonight.|It leaves tonight.]",
        ),
        outside="them",
    ),
    Conversation(
        "Budget {month}: {project}",
        (
            "Hi {to},\n\nI am closing the books for {month}. {project} shows {amount} against a plan that was a good tenth lower. "
            "Is the [travel|subcontractor] in there already, or will it come on top? The table is attached.",
            "Hi {to},\n\nit is in there. We pulled the installation forward by [two|three] weeks, so next month will be lower by the "
            "same amount. I should have told you, sorry.",
        ),
        attachment="figures",
    ),
    Conversation(
        "Lunch on {day}?",
        (
            "Hi {to}, I am in the office on {day}. [The Vietnamese place at 12:30?|Shall we try the new canteen?] I'd also like to "
            "hear how the {customer} visit went.",
            "[Gladly!|Yes please.] 12:30 is good. I'll book for four, the others said they would join.",
        ),
        filed=False,
    ),
    Conversation(
        "Test report {product}, climate chamber",
        (
            "Hi {to},\n\nthe climate chamber run is finished: {count} hours between -20 and +55 °C. Drift stays below 0.4 % everywhere "
            "except at the very cold end, see the chart. [Raw data is in the attached CSV.|I can send the raw data if you like.]",
            "Great work. The bend at -15 °C looks like the seal, not the electronics. Could we repeat it with one of the {month} "
            "samples before we tell sales?",
            "Chamber is booked for {day}. I'll take one sample from each batch.",
        ),
        attachment="chart",
    ),
    Conversation(
        "Site visit {project}, {day}",
        (
            "Dear {to},\n\nwe will be on site on {day} from 8:30 with two people. Could you please make sure that somebody can open "
            "[the plant room|level B2], and that we may park one van in the yard?",
            "Dear {to},\n\nno problem. Please ask for me at the gate; safety shoes and helmets are mandatory. [The plan of the plant room "
            "is attached to the permit.|You will get the permit by e-mail.]",
        ),
        outside="us",
    ),
    Conversation(
        "Reminder: invoice {number}",
        (
            "Dear {to},\n\nour records show that invoice {number} over {amount} has been open since {month}. [Perhaps our letters "
            "have crossed.|If it has been paid meanwhile, please disregard this message.] A copy is attached for your convenience.",
            "Dear {to},\n\napologies, it was waiting for a cost centre. Payment goes out with the run on {day}.",
        ),
        attachment="invoice",
        outside="us",
    ),
    Conversation(
        "Interview feedback, {count} minutes with the second candidate",
        (
            "Hi {to},\n\nI liked her. She has run a [support desk|field team] of eight and asked the best questions so far, about what "
            "happens when a meter and a gateway disagree. I would invite her for a day in {month}.",
            "Same impression here. I'll send the invitation today and ask {customer} for the reference she named.",
        ),
        filed=False,
    ),
    Conversation(
        "Release 4.{count} of the gateway firmware",
        (
            "Hello everybody,\n\nrelease 4.{count} is on the staging gateways. It mends the time zone bug after the change to winter time and "
            "halves the start-up time. [Please try it on {project} before {day}.|I would like two quiet days before it goes out.]",
            "Installed on both staging units. Start-up is down from 41 to 19 seconds, very nice. No errors in the log so far.",
            "Thanks for testing. I will roll it out on {day} morning, ten gateways first.",
        ),
    ),
    Conversation(
        "Photos from {project}",
        (
            "Hi {to},\n\nhere is the drawing with the positions we agreed on. The [pump|valve] is where the {product} should have been, so we "
            "moved it by 40 cm. [Tell me if that breaks anything.|It fits better than before, I think.]",
            "That is fine, straight pipe before the sensor is still more than ten diameters. Please mark it in the as-built plan.",
        ),
        attachment="chart",
    ),
    Conversation(
        "Password for the {customer} portal",
        (
            "Hi {to}, do you know who looks after our account on the {customer} portal? It wants a [new password|second factor] and I am "
            "locked out since {day}.",
            "It's me. I have sent you an invitation for your own account, the shared one will be closed in {month}. Nothing by mail, please.",
        ),
        filed=False,
    ),
)

LANGUAGE = Language(CONVERSATIONS, DAYS, MONTHS, REGARDS)
