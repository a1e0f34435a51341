"""Who may do what: one table of verbs and roles. A stop needs nobody, light needs somebody signed in, and some things need a second person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from irctl.domain.problems import Problem


class Role(StrEnum):
    CLINICIAN = "clinician"
    """Prescribes and answers for the treatment."""
    ASSISTANT = "assistant"
    """Gives what was prescribed."""
    TECHNICIAN = "technician"
    """Keeps the lamps true."""
    ADMINISTRATOR = "administrator"
    """People, settings, back-ups: no patients, no light."""
    AUDITOR = "auditor"
    """Looks at everything and changes nothing."""


class Verb(StrEnum):
    STOP = "stop"
    WATCH = "watch"
    """The live view: figures, phase, alarms; nobody's name."""
    CLEAR_STOP = "clear-stop"
    ACKNOWLEDGE = "acknowledge"
    START = "start"
    ATTEND = "attend"
    """Answer, pause, resume and end a session."""
    ORDER = "order"
    SCREEN = "screen"
    OVERRIDE = "override"
    """Of a screening finding or of a disagreement at the start."""
    SEE_PATIENT = "see-patient"
    EDIT_PATIENT = "edit-patient"
    SCHEDULE = "schedule"
    SIGN = "sign"
    AMEND = "amend"
    EXPORT = "export"
    CHECK_LAMP = "check-lamp"
    CALIBRATE = "calibrate"
    APPROVE_CALIBRATION = "approve-calibration"
    COMMISSION = "commission"
    EDIT_PROTOCOL = "edit-protocol"
    """Treatment protocols and screening lists."""
    APPROVE_PROTOCOL = "approve-protocol"
    EDIT_TEMPLATE = "edit-template"
    MANAGE_PEOPLE = "manage-people"
    CONFIGURE = "configure"
    """Station settings, the clock, the journal's keeping."""
    BACK_UP = "back-up"
    READ_AUDIT = "read-audit"


class Second(StrEnum):
    """How a second person comes in."""

    NONE = "none"
    CONFIRMS = "confirms"
    """Somebody else, who might do it too, confirms it now."""
    ELSE = "somebody-else"
    """Whoever took part in what is decided over may not decide over it."""


@dataclass(frozen=True, slots=True)
class Permission:
    """One row of the table."""

    roles: frozenset[Role] = frozenset()
    anybody: bool = False
    """Without a sign-in, and with the screen locked."""
    second: Second = Second.NONE
    reason: bool = False
    emergency: bool = False
    """Whoever is signed in may, in an emergency and with a reason: 45 CFR 164.312(a)(2)(ii). The audit says so aloud."""


_CLINICIAN, _ASSISTANT, _TECHNICIAN = Role.CLINICIAN, Role.ASSISTANT, Role.TECHNICIAN
_ADMINISTRATOR, _AUDITOR = Role.ADMINISTRATOR, Role.AUDITOR


def _by(*roles: Role, second: Second = Second.NONE, reason: bool = False, emergency: bool = False) -> Permission:
    return Permission(frozenset(roles), second=second, reason=reason, emergency=emergency)


PERMISSIONS: Mapping[Verb, Permission] = {
    Verb.STOP: Permission(anybody=True),
    Verb.WATCH: Permission(anybody=True),
    Verb.CLEAR_STOP: _by(_CLINICIAN, _TECHNICIAN, reason=True),
    Verb.ACKNOWLEDGE: _by(_CLINICIAN, _ASSISTANT, _TECHNICIAN, _ADMINISTRATOR),
    Verb.START: _by(_CLINICIAN, _ASSISTANT),
    Verb.ATTEND: _by(_CLINICIAN, _ASSISTANT),
    Verb.ORDER: _by(_CLINICIAN),
    Verb.SCREEN: _by(_CLINICIAN, _ASSISTANT),
    Verb.OVERRIDE: _by(_CLINICIAN, second=Second.CONFIRMS, reason=True),
    Verb.SEE_PATIENT: _by(_CLINICIAN, _ASSISTANT, _AUDITOR, emergency=True),
    Verb.EDIT_PATIENT: _by(_CLINICIAN, _ASSISTANT),
    Verb.SCHEDULE: _by(_CLINICIAN, _ASSISTANT),
    Verb.SIGN: _by(_CLINICIAN, _ASSISTANT),
    Verb.AMEND: _by(_CLINICIAN, _ASSISTANT, reason=True),
    Verb.EXPORT: _by(_CLINICIAN, _AUDITOR, reason=True),
    Verb.CHECK_LAMP: _by(_CLINICIAN, _ASSISTANT, _TECHNICIAN),
    Verb.CALIBRATE: _by(_TECHNICIAN),
    Verb.APPROVE_CALIBRATION: _by(_TECHNICIAN, _CLINICIAN, second=Second.ELSE),
    Verb.COMMISSION: _by(_TECHNICIAN),
    Verb.EDIT_PROTOCOL: _by(_CLINICIAN),
    Verb.APPROVE_PROTOCOL: _by(_CLINICIAN, second=Second.ELSE),
    Verb.EDIT_TEMPLATE: _by(_CLINICIAN, _ADMINISTRATOR),
    Verb.MANAGE_PEOPLE: _by(_ADMINISTRATOR, second=Second.ELSE),
    Verb.CONFIGURE: _by(_TECHNICIAN, _ADMINISTRATOR, reason=True),
    Verb.BACK_UP: _by(_ADMINISTRATOR),
    Verb.READ_AUDIT: _by(_AUDITOR, _ADMINISTRATOR),
}
"""Project choices. `manage-people` is never of oneself: nobody gives himself a role."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can sign in. `login` is who, in every record; `name` is what is printed."""

    login: str
    name: str
    roles: frozenset[Role]
    active: bool = True


@dataclass(frozen=True, slots=True)
class Context:
    """What a permission may depend on besides the person."""

    locked: bool = False
    """The screen is locked: who stands before it is not known."""
    reason: str = ""
    second: Person | None = None
    """Who confirms, signed in for this one thing."""
    took_part: frozenset[str] = frozenset()
    """Logins of who made what is decided over, or whom it is about."""
    emergency: bool = False
    """Emergency access is asked for."""


NOTHING_MORE = Context()


def may(person: Person | None, verb: Verb, context: Context = NOTHING_MORE) -> Problem | None:
    """Why not; None when they may. `person`: who is signed in, None for nobody."""
    permission = PERMISSIONS[verb]
    if permission.anybody:
        return None
    if person is None:
        return Problem("by", None, f"nobody is signed in, and {verb} needs somebody", "Sign in")
    if context.locked:
        return Problem("by", person.login, "the screen is locked", "Type the PIN")
    if not person.active:
        return Problem("by", person.login, "no longer works here", "Ask an administrator")
    if not person.roles & permission.roles and not (permission.emergency and context.emergency):
        allowed = " or ".join(role for role in Role if role in permission.roles)
        remedy = f"Ask a {allowed}" + ("; in an emergency, say so with a reason" if permission.emergency else "")
        return Problem("by", person.login, f"{verb} is for a {allowed}", remedy)
    if (permission.reason or is_emergency(person, verb, context)) and not context.reason.strip():
        return Problem("reason", context.reason, "is empty", "Say why: it goes into the record")
    return _second(person, verb, permission, context)


def _second(person: Person, verb: Verb, permission: Permission, context: Context) -> Problem | None:
    match permission.second:
        case Second.NONE:
            return None
        case Second.ELSE:
            if person.login not in context.took_part:
                return None
            return Problem("by", person.login, f"took part in it, or it is about them: {verb} is for somebody else",
                           "Ask a second person")  # fmt: skip
        case Second.CONFIRMS:
            second = context.second
            if second is None:
                return Problem("second", None, f"{verb} needs two people", "A second person signs in for it")
            if second.login == person.login or not second.active or not second.roles & permission.roles:
                allowed = " or ".join(role for role in Role if role in permission.roles)
                limit = "is the same person, or may not do it either"
                return Problem("second", second.login, limit, f"Ask another {allowed}")
            return None


def is_emergency(person: Person, verb: Verb, context: Context) -> bool:
    """Whether nothing but an emergency lets them: an alarm for the administrator and a mark in the audit, at once."""
    permission = PERMISSIONS[verb]
    return permission.emergency and context.emergency and not person.roles & permission.roles
