"""Every event that a controller writes into its journal, and what it means: the one table of them, by subject.

A new event needs a line here, or the tests fail. Which fields each has is read from the code that writes it; docs/reference/events.md is made of both.
"""

from __future__ import annotations

from collections.abc import Mapping

SUBJECTS: Mapping[str, Mapping[str, str]] = {
    "The controller": {
        "controller.started": "A controller started, with every lamp driven dark before. `previous` is the last start that the journal knows.",
        "controller.stopped": "It ended in order, dark. Where this is missing before a start, it was killed or lost its power.",
        "controller.defect": "A mistake of the program itself. The lamp's task ended, and the station was stopped.",
        "configuration.changed": "The station file, or a device map beside it, is not the one of the last start.",
        "clock.stepped": "The wall clock was moved during a session, by so many seconds. Doses follow another clock.",
        "clock.accepted": "A named person vouches for a clock that was set back.",
        "device.action": "A named person ordered what only a person may of a device, such as clearing a trip.",
        "lamp.dark_verified": "At the start the lamp was driven dark, and read back as dark.",
        "lamp.unverified": "At the start the lamp could not be read back as dark. Nobody is treated with it until it is.",
    },
    "A session": {
        "session.ordered": "An order was accepted: what is prescribed, the limits in force, the lamp, the calibration it will be given with. On the disk before any light.",
        "session.armed": "The lamp's fail-safe is set and read back, so light ends by itself when nobody renews it.",
        "session.dark_reading": "What the radiometer shows without light: it is taken off every later reading.",
        "session.state": "The session has come to another state.",
        "session.starting": "A named person started the light. Written before the first frame that lights.",
        "session.first_light": "The lamp obeyed for the first time. The time of the dose begins here.",
        "session.sample": "A point of the session's curve, about once a second. On the disk every four seconds: a power cut takes no more.",
        "session.attended": "The attendant answered: there, and how the patient feels.",
        "session.warning": "A rule warns. The light goes on.",
        "session.paused": "A named person paused it; the lamp is dark.",
        "session.resumed": "A named person went on. Written before the first frame that lights.",
        "session.off": "OFF was sent: when it was acknowledged, when dark was read back, and by which device.",
        "session.ended": "The terminal record: outcome, reason, what was prescribed, and the dose delivered as an interval. After a crash the next start writes it, as *interrupted*.",
    },
    "Stop and alarms": {
        "stop.latched": "The station was stopped, by a person, a contact, a signal, a rule or its own end. No light until somebody clears it.",
        "stop.evidence": "How long each lamp took to be dark after a stop, and who says so.",
        "stop.cleared": "A named person lifted the stop. The lamps stay dark.",
        "alarm": "An alarm was raised, with its priority, hazard and remedy.",
        "alarm.acknowledged": "A named person has seen it and answers for it.",
        "alarm.audio_paused": "Somebody silenced the sound for so many seconds. What is seen stays.",
        "alarm.resolved": "An alarm that only warned, or reminded, needs nobody any more.",
        "reminder.raised": "Something is due, and is told as an alarm of low priority.",
    },
    "Commissioning, burning in, work at the bench": {
        "commissioning.started": "Measuring a lamp's fail-safes began, with nobody under it.",
        "commissioning.step": "One step of it, passed or failed, in words.",
        "commissioning.completed": "Its evidence: what was measured, for which devices and which configuration. Followed by a signature.",
        "burn-in.started": "A lamp is lit for hours on a dummy load, with nobody beside it.",
        "burn-in.ended": "It ended, dark, and why.",
        "bench.lit": "Light with nobody under the lamp (calibration, check, commissioning, burn-in): seconds and starts, which count in its hours.",
    },
    "Calibration and upkeep": {
        "calibration.started": "A calibration began: meter, plan, what was in force, surroundings.",
        "calibration.identified": "Serial number and condition, as read from the plate.",
        "calibration.positioned": "Where the meter stands.",
        "calibration.dark": "The instruments' readings without light.",
        "calibration.steady": "The lamp has warmed through, by its readings.",
        "calibration.reading": "One level, the mean of some readings in steady light.",
        "calibration.redone": "Readings or a step were thrown away by a named person, with the reason. They stay in the journal.",
        "calibration.adjusted": "What was adjusted after the as-found readings, or nothing.",
        "calibration.submitted": "Handed in for approval, with its points, budget and decision.",
        "calibration.approved": "A second person approved it: in force from here, with its certificate under the journal's signature.",
        "calibration.rejected": "What was handed in was turned down.",
        "calibration.abandoned": "It was given up. What was in force stays.",
        "calibration.interrupted": "Its light ended before it was complete, and why. It can go on.",
        "lamp.out_of_tolerance": "As found, beyond its tolerance: the lamp is locked, whatever becomes of the calibration.",
        "lamp.unlocked": "A named person answers for a lamp that failed its check. Not in clinical mode.",
        "check.started": "A short check of a lamp against its calibration began.",
        "check.completed": "Its verdict: pass, warn or fail, with what was found and expected. A fail locks the lamp.",
        "check.interrupted": "It ended before its verdict, and why.",
        "maintenance.recorded": "Work on a lamp, and what follows for its calibration.",
        "meters.compared": "Two meters by what they found of one lamp: do they agree?",
        "impact.reviewed": "A named person decided over the sessions that a failed as-found concerns.",
    },
    "The journal itself": {
        "journal.checkpoint": "The number and hash of the event before it, signed with the journal's key.",
        "journal.continued": "The first event of a next file: which file came before, and what of it still counts.",
        "journal.set_aside": "The first event after a journal that did not hold: who set it aside, why, how far it held, and what of it still counts.",
        "journal.tail_set_aside": "A last line that a power cut had cut off was put aside.",
        "journal.anchor_failed": "The last signed head could not be kept outside of the journal, or was missing there.",
    },
}

EVENTS: Mapping[str, str] = {name: meaning for events in SUBJECTS.values() for name, meaning in events.items()}
