"""The defects. Each is one change of the sources, and the tests of which at least one must fail over it.

`old` must occur exactly once in its file: a list that no longer fits the sources is itself a defect, and `make test` says so.
"""

from __future__ import annotations

from dataclasses import dataclass

CONTROLLER, DOMAIN, BUS = "src/irctl/controller", "src/irctl/domain", "src/irctl/bus"
DRIVERS, DEVICES = "drivers/irctl_drivers", "src/irctl/devices"
FAULTS = "tests/simulation/test_faults.py"
CRASH = "tests/simulation/test_crash.py"
TREATMENT = "tests/simulation/test_treatment.py"
ATTENDANCE = "tests/simulation/test_attendance.py"
RULES = "tests/unit/test_rules.py"
SHUTDOWN = "tests/unit/test_shutdown.py"
OUTPUT = "tests/unit/test_output.py"
FILES = "tests/unit/test_journal_files.py"
REMINDERS = "tests/unit/test_reminders_told.py"
COMMISSIONING = "tests/simulation/test_commissioning.py"
API = "tests/simulation/test_api.py"
AUTHORITY = "tests/simulation/test_authority.py"
TOKENS = "tests/unit/test_tokens.py"
CALIBRATION = "tests/simulation/test_calibration.py"
CHECK = "tests/simulation/test_check.py"
TEXT_LINE = "tests/wire/test_text_line.py"


@dataclass(frozen=True, slots=True)
class Mutant:
    name: str
    breaks: str
    """The hazard, or the promise of the design, that is left unguarded."""
    file: str
    old: str
    new: str
    caught_by: tuple[str, ...]
    """pytest arguments."""


def dropped(rule: str, hazard: str, caught_by: str) -> Mutant:
    """A rule that nobody asks any more."""
    return Mutant(
        f"the rule {rule} is dropped", hazard, f"{DOMAIN}/rules.py", f"\n    {rule},", "\n    # dropped", (caught_by,)
    )


MUTANTS: tuple[Mutant, ...] = (
    # light is leased
    Mutant(
        "the lease is fed from a second task", "promise 1", f"{CONTROLLER}/light/treatment.py",
        "        self._move(State.WARMING)\n\n    # --- emitting",
        """        self._move(State.WARMING)

        async def feed() -> None:
            while True:
                await asyncio.sleep(0.4)
                try:
                    self._output.emitter._lit = True
                    await self._output.renew(level)
                except Exception:
                    pass

        self._feeder = asyncio.ensure_future(feed())

    # --- emitting""",
        (FAULTS,),
    ),
    Mutant(
        "fail-safes are not armed before the first light", "promise 1", f"{DEVICES}/leased.py",
        "            await self._arm(lease_s)\n        except", "            pass\n        except",
        ("tests/drivers/test_conformance.py",),
    ),
    Mutant(
        "a fail-safe that reads back otherwise counts as armed", "promise 1", f"{DRIVERS}/wirenboard_mdm3.py",
        "        if found != wanted:\n            raise NotArmed", "        if False:\n            raise NotArmed",
        ("tests/drivers/test_behaviour.py", "tests/drivers/test_conformance.py"),
    ),
    Mutant(
        "light is leased though nothing is armed", "promise 1", f"{DEVICES}/leased.py",
        "        if self._armed_s is None or abs(self._armed_s - lease_s) > 1e-6:", "        if False:",
        ("tests/drivers/test_conformance.py", "tests/drivers/test_behaviour.py"),
    ),
    Mutant(
        "a map's setting that does not keep counts as armed", "promise 1", f"{DEVICES}/mapped/device.py",
        "            if not await self._reads(name, wanted[name]):", "            if False:",
        ("tests/drivers/test_maps_conformance.py", "tests/devices/test_map_writing.py"),
    ),
    Mutant(
        "a map's tripped fail-safe is armed over", "promise 1", f"{DEVICES}/mapped/outputs.py",
        "        if self.safe.trip is not None and await self.device.number(self.safe.trip):", "        if False:",
        ("tests/devices/test_map_writing.py", "tests/drivers/test_maps_conformance.py"),
    ),
    Mutant(
        "what a device says is no value counts as one", "promise 1", f"{DEVICES}/mapped/device.py",
        "        if value in point.absent:", "        if False:", ("tests/devices/test_map_reading.py",),
    ),
    Mutant(
        "a register that wears out is written with every renewal", "promise 1", f"{DEVICES}/mapped/loading.py",
        '        if name in told.points and told.points[name].storage == "eeprom":', "        if False:",
        ("tests/devices/test_map_files.py",),
    ),
    Mutant(
        "a write that may have been obeyed is repeated by the line", "promise 1", f"{BUS}/owner.py",
        "        if retries and request.is_write:", "        if False:", ("tests/wire",),
    ),
    Mutant(
        "a lamp is believed lit for longer than its lease", "promise 4", f"{CONTROLLER}/light/treatment.py",
        "            lit_s = min(max(lease_ends_s - from_s, 0.0), elapsed_s)", "            lit_s = elapsed_s",
        (f"{FAULTS}::test_a_stall_is_not_believed_to_be_light",),
    ),
    # dark
    Mutant(
        "OFF is not read back", "promise 2", f"{CONTROLLER}/light/output.py",
        "            if dark := await self._emitter_reads_dark():", "            if dark := True:", (OUTPUT,),
    ),
    Mutant(
        "the cut-off stays closed when the lamp is to be dark", "H08", f"{CONTROLLER}/light/output.py",
        "        if self.cutoff is not None:\n            attempts.append(asyncio.create_task(self._cutoff_open",
        "        if False:\n            attempts.append(asyncio.create_task(self._cutoff_open", (OUTPUT,),
    ),
    Mutant(
        "OFF is tried once", "promise 2", f"{CONTROLLER}/light/output.py",
        "            if await self._emitter_told(evidence, since_s):\n                return",
        "            await self._emitter_told(evidence, since_s)\n            return", (OUTPUT,),
    ),
    Mutant(
        "a pause does not darken", "promise 1", f"{CONTROLLER}/light/treatment.py",
        "        evidence = await self._go_dark()\n        self._write(\"session.paused\"",
        "        evidence = Evidence(0.0, 0.0, 0.0, \"nobody\")\n        self._write(\"session.paused\"",
        (TREATMENT, FAULTS),
    ),
    Mutant(
        "a lamp that is not dark may be lit again", "H08", f"{CONTROLLER}/light/checking.py",
        "    if not output.verified_dark:", "    if False:", (OUTPUT,),
    ),
    Mutant(
        "dark is taken from a read-back that failed", "promise 2", f"{CONTROLLER}/light/output.py",
        "        return fresh and self.state.value is not None and not self.state.value.on", "        return True", (OUTPUT,),
    ),
    # stop
    Mutant(
        "a stop queues behind the polls", "promise 2", f"{CONTROLLER}/light/shutdown.py",
        "        for line in self._lines:\n            line.preempt()\n        for lamp in self._lamps.values():\n            lamp.wake()\n        broadcasts",
        "        broadcasts", (SHUTDOWN, "tests/wire/test_hazards.py"),
    ),
    Mutant(
        "a stop waits for a silent device", "promise 2", f"{BUS}/line.py",
        "        return silent and any(", "        return False and any(", ("tests/wire/test_line_time.py",),
    ),
    Mutant(
        "a stop does not latch", "promise 2", f"{CONTROLLER}/light/shutdown.py",
        "        self._under_way += 1\n        return", "        self.latch = None\n        self._under_way += 1\n        return",
        (SHUTDOWN, ATTENDANCE),
    ),
    Mutant(
        "the latch is lost over a restart", "promise 2", f"{CONTROLLER}/light/shutdown.py",
        "        if latched is None or self.latch is not None:", "        if True:", (SHUTDOWN, CRASH),
    ),
    Mutant(
        "a stop is cleared by nobody", "promise 2", f"{CONTROLLER}/light/shutdown.py",
        "            if not value.strip()", "            if False", (SHUTDOWN,),
    ),
    Mutant(
        "a stop is cleared while its cause is still there", "promise 2", f"{CONTROLLER}/light/shutdown.py",
        "            problems += lamp.reasons_against_clearing()", "            pass", (SHUTDOWN, FAULTS),
    ),
    Mutant(
        "the room's stop button is only another interlock", "H15", f"{CONTROLLER}/light/equipment.py",
        "            if lock.stops and", "            if False and", (ATTENDANCE,),
    ),
    Mutant(
        "light is taken while a stop is in force", "promise 2", f"{BUS}/owner.py",
        "        if priority is Priority.LEASE and not self._light_permitted:", "        if False:", ("tests/wire", SHUTDOWN),
    ),
    # a valid reason
    dropped("interlocks_closed", "H05", FAULTS),
    dropped("skin_temperature", "H01", FAULTS),
    dropped("irradiance_known", "H06", FAULTS),
    dropped("dark_when_off", "H08", FAULTS),
    dropped("lamp_as_calibrated", "H07", FAULTS),
    dropped("output_as_commanded", "H09", FAULTS),
    dropped("attended", "H19", ATTENDANCE),
    dropped("clock_steady", "H20", ATTENDANCE),
    dropped("record_and_calibration_hold", "H14", ATTENDANCE),
    dropped("thermal_dose", "H16", RULES),
    dropped("housing_temperature", "H17", RULES),
    dropped("skin_moves_as_skin", "H18", RULES),
    Mutant(
        "a stale reading is taken for fresh", "promise 3", f"{DOMAIN}/rules.py",
        "    if reading is None or not reading.age_s <= e.stale_s or not isfinite(reading.value):",
        "    if reading is None or not isfinite(reading.value):", (RULES,),
    ),
    Mutant(
        "an answer counts from when it was read", "promise 3", f"{CONTROLLER}/light/readings.py",
        "        self.value, self.at_s, self.problem = value, asked_at_s, None",
        "        self.value, self.at_s, self.problem = value, asyncio.get_running_loop().time(), None",
        (f"{FAULTS}::test_a_reading_is_as_old_as_its_question",),
    ),
    Mutant(
        "a failing reading keeps the last value fresh", "promise 3", f"{CONTROLLER}/light/readings.py",
        "            self.problem = str(error)\n            return False",
        "            self.problem, self.at_s = str(error), asked_at_s\n            return False", ("tests/unit/test_readings.py", FAULTS),
    ),
    Mutant(
        "a calibration never lapses", "H13", f"{DOMAIN}/calibration.py",
        "        if now >= self.valid_until:", "        if False:", ("tests/unit/test_calibration.py", "tests/unit/test_orders.py"),
    ),
    Mutant(
        "a lamp that failed its check is not locked", "H13", f"{CONTROLLER}/calibration/in_force.py",
        "        if (locked := self.locked) is not None:", "        if False:", (f"{CHECK}::test_an_aged_lamp_fails_is_locked_and_healed_by_a_calibration",),
    ),
    Mutant(
        "a calibration stays in force though the dimmer's settings changed", "H13", f"{CONTROLLER}/calibration/in_force.py",
        "        if calibration.binding and calibration.binding != self.binding:", "        if False:",
        (f"{CHECK}::test_changed_settings_of_the_dimmer_void_a_calibration",),
    ),
    Mutant(
        "light on the bench goes on behind an open door", "H05", f"{CONTROLLER}/calibration/bench.py",
        "            if (closed := lock.latest.fresh(now_s, stale_s)) is not True:", "            if False:", (CALIBRATION,),
    ),
    Mutant(
        "the wrong device at an address is accepted", "H12", f"{DRIVERS}/wirenboard_mdm3.py",
        '        if "MDM3" not in signature:', "        if False:", ("tests/drivers",),
    ),
    Mutant(
        "a protocol may widen the station's limits", "H02", f"{DOMAIN}/limits.py",
        "        elif _stricter(name, allowed, value) != value:", "        elif False:", ("tests/unit/test_limits.py",),
    ),
    Mutant(
        "a locked screen hides nothing but the names", "permissions", f"{DOMAIN}/people.py",
        "    if context.locked:", "    if False:", ("tests/unit/test_people.py",),
    ),
    Mutant(
        "one person is two people", "permissions", f"{DOMAIN}/people.py",
        "second.login == person.login or ", "", ("tests/unit/test_people.py",),
    ),
    Mutant(
        "yesterday's answers are good today", "screening", f"{DOMAIN}/screening.py",
        "    if not of_today(screened.at, now):", "    if False:", ("tests/unit/test_screening.py",),
    ),
    Mutant(
        "yesterday's override goes on", "screening", f"{DOMAIN}/override.py",
        "override is None or not of_today(override.at, now)", "override is None", ("tests/unit/test_screening.py",),
    ),
    Mutant(
        "the course's ceiling is charged with the best estimate", "promise 4", f"{DOMAIN}/protocols.py",
        "sum(one.max_j_cm2 for one in before)", "sum(one.best_j_cm2 for one in before)", ("tests/unit/test_protocols.py",),
    ),
    Mutant(
        "a signature is good for whatever is shown", "record", f"{DOMAIN}/electronic_signature.py",
        "    if signature.record_sha256 != shown.sha256:", "    if False:", ("tests/unit/test_electronic_signature.py",),
    ),
    Mutant(
        "the day's ceiling is charged with the least", "promise 4", f"{CONTROLLER}/journal/past.py",
        'event["delivered"]["max_j_cm2"]', 'event["delivered"]["min_j_cm2"]', (ATTENDANCE,),
    ),
    Mutant(
        "files may be changed under the controller", "configuration", f"{CONTROLLER}/config.py",
        "            if _digest(path) != digest", "            if False", (ATTENDANCE,),
    ),
    Mutant(
        "trim goes beyond the calibrated range", "H02", f"{CONTROLLER}/light/treatment.py",
        "calibration.level_for(min(max(wanted, low), high))", "calibration.level_for(max(wanted, low))",
        (f"{TREATMENT}::test_a_lamp_too_old_for_its_prescription_is_driven_to_its_highest_calibrated_level_and_no_further",),
    ),
    # the wire
    Mutant(
        "a unit's answer is taken for another's", "H12", f"{BUS}/modbus.py",
        "        if len(buffer) < start + 5 or buffer[start] != self._request.unit:", "        if len(buffer) < start + 5:",
        ("tests/wire",),
    ),
    Mutant(
        "a spoiled frame is believed", "H12", f"{BUS}/modbus.py",
        "        if len(buffer) < end or not crc_ok(buffer[start:end]):", "        if len(buffer) < end:", ("tests/wire",),
    ),
    Mutant(
        "a late answer is taken for the next question's", "H12", f"{BUS}/line.py",
        "            return max(ready_at, self._turnaround_until, self._silent_until)",
        "            return ready_at", ("tests/wire",),
    ),
    Mutant(
        "an echo is taken for an answer", "H12", f"{BUS}/line.py",
        "        if not same_shape and received.startswith(frame):", "        if False:", ("tests/wire",),
    ),
    # lines of text
    Mutant(
        "on a line of text a late answer is taken for the next question's", "H12", f"{BUS}/text_line.py",
        "        return max(self._free_at, self._silent_until)", "        return self._free_at", (TEXT_LINE,),
    ),
    Mutant(
        "on a line of text an echo is taken for an answer", "H12", f"{BUS}/text.py",
        "            if not (self._own_echo or self._request.dialect.may_echo):", "            if False:", (TEXT_LINE,),
    ),
    Mutant(
        "an older acknowledgement counts for OFF", "promise 2", f"{BUS}/text_line.py",
        "        if job.is_stop and request.is_write and not self._reached(self._silent_until):", "        if False:", (TEXT_LINE,),
    ),
    Mutant(
        "clearing a supply's trip restores its light", "promise 1", f"{DRIVERS}/scpi_supply.py",
        "        await self.off()\n        await self.tell(self.profile.clear)", "        await self.tell(self.profile.clear)",
        ("tests/drivers/test_text_emitters.py",),
    ),
    Mutant(
        "a crash charges the lease of an emitter that keeps none", "promise 4", f"{CONTROLLER}/light/recovery.py",
        "    return cutoff_s if info", "    return info[\"lease_s\"] if info", ("tests/unit/test_text_station.py",),
    ),
    # the record
    Mutant(
        "the order is not on the disk before the light", "promise 4", f"{CONTROLLER}/journal/journal.py",
        "            if sync:\n                self.disk.fsync(self._file)\n", "            if sync:\n", ("tests/unit/test_journal.py",),
    ),
    Mutant(
        "checkpoints are lost", "promise 4", f"{CONTROLLER}/light/treatment.py",
        "        checkpoint = now_s - self._synced_at_s >= CHECKPOINT_S", "        checkpoint = False",
        (f"{CRASH}::test_samples_are_on_the_disk_every_few_seconds",),
    ),
    Mutant(
        "a full disk is nothing to speak of", "H14", f"{CONTROLLER}/journal/journal.py",
        '            self.failure = f"{self.path.name}: {reason or error}"', "            pass", ("tests/unit/test_journal.py",),
    ),
    Mutant(
        "what the lease allowed after a crash is left out", "promise 4", f"{CONTROLLER}/light/recovery.py",
        "    lit_s = 0.0 if dark else UNSEEN_S + lease_s", "    lit_s = 0.0", (CRASH,),
    ),
    Mutant(
        "a session that a crash cut off is never ended", "promise 4", f"{CONTROLLER}/serve.py",
        "    for ended in list(recovery.interrupted(journal.events)):", "    for ended in list[dict[str, object]]():", (CRASH,),
    ),
    Mutant(
        "a session resumes after a restart", "promise 4", f"{CONTROLLER}/serve.py",
        "    station.run()\n    return station",
        """    station.run()

    async def resume() -> None:
        from irctl.domain.orders import Order

        for event in [e for e in journal.events if e["event"] == "session.ordered"]:
            await asyncio.sleep(1.0)
            fields = {name: event["order"][name] for name in Order.__slots__ if name in event["order"]}
            session = station.order(Order(**fields | {"protocol": ""}))
            await asyncio.sleep(4.0)
            station.lamp_of(session.id).ask(session.id, "start", "nobody")

    asyncio.ensure_future(resume())
    return station""",
        (CRASH,),
    ),
    Mutant(
        "an edited journal verifies", "promise 4", f"{DOMAIN}/chain.py",
        '        if own != _hash(self.head, raw[: -len(tail)] + b"}"):', "        if False:", ("tests/unit/test_chain.py",),
    ),
    Mutant(
        "a closed file that is gone is not missed", "promise 4", f"{DOMAIN}/chain.py",
        "        elif name == CONTINUED and self._alone and", "        elif name == CONTINUED and", (FILES,),
    ),
    Mutant(
        "the beginning of a file need not be signed", "promise 4", f"{DOMAIN}/chain.py",
        "        elif self._opening:", "        elif False:", (FILES,),
    ),
    Mutant(
        "a new file forgets what was given today", "promise 4", f"{CONTROLLER}/journal/memory.py",
        'for charge in given if charge.session not in self.open_sessions],', "for charge in given if False],", (FILES,),
    ),
    Mutant(
        "a new file forgets a stop that nobody cleared", "promise 2", f"{CONTROLLER}/journal/memory.py",
        '"controller.started" | "stop.latched" | "stop.cleared"', '"controller.started"', (FILES,),
    ),
    Mutant(
        "a file ends while a session is open", "promise 4", f"{CONTROLLER}/journal/journal.py",
        "self._rotate_not_before_s and not self.memory.open_sessions and", "self._rotate_not_before_s and", (FILES,),
    ),
    Mutant(
        "a crash between two files loses the next one", "promise 4", f"{CONTROLLER}/journal/segments.py",
        "        following.rename(path)\n", "", (FILES,),
    ),
    Mutant(
        "an unsynced tail of something else than samples is set aside", "promise 4", f"{CONTROLLER}/journal/reopening.py",
        'or b\'"event":"session.sample"\' in line for', "or True for", (FILES,),
    ),
    Mutant(
        "what was set aside no longer counts", "promise 4", f"{CONTROLLER}/journal/setting_aside.py",
        "        **memory.carried(clock()),\n", "", (FILES,),
    ),
    Mutant(
        "a copy is trusted before the original goes", "promise 4", f"{CONTROLLER}/journal/archive.py",
        "        if not _is(copying, stretch):", "        if False:", (FILES,),
    ),
    Mutant(
        "an afterglow is not dose", "promise 4", f"{DOMAIN}/dose.py",
        "        return self.scale * self.model.afterglow_j_cm2", "        return 0.0", (TREATMENT, "tests/unit/test_dose.py"),
    ),
    Mutant(
        "alarms are forgotten over a restart", "alarms", f"{CONTROLLER}/station.py",
        "        self.alarms.restore(self.journal.events)\n", "", (ATTENDANCE,),
    ),
    # commissioning
    Mutant(
        "commissioning takes a watchdog that another lamp feeds for this lamp's own", "R04", f"{CONTROLLER}/light/procedure.py",
        "        if feeds and len(shared) == len(feeds):", "        if False:",
        (f"{COMMISSIONING}::test_a_watchdog_that_another_lamp_feeds_is_refused_where_nothing_else_ends_the_light",),
    ),
    Mutant(
        "commissioning does not mind what renewing a timed output does", "R04", f"{CONTROLLER}/light/procedure.py",
        "            if found.retrigger is not subject.channel.lease.retrigger:", "            if False:",
        (f"{COMMISSIONING}::test_a_fail_safe_that_counts_otherwise_than_told_is_found",),
    ),
    Mutant(
        "commissioning takes a fail-safe that acts too soon", "R04", f"{CONTROLLER}/light/dropout.py",
        "    if not as_told:", "    if False:", (f"{COMMISSIONING}::test_a_fail_safe_that_counts_otherwise_than_told_is_found",),
    ),
    Mutant(
        "commissioning takes light that a door ended for the fail-safe's work", "R04", f"{CONTROLLER}/light/dropout.py",
        "    await s.allowed()\n", "", (f"{COMMISSIONING}::test_light_that_a_door_ended_is_not_taken_for_the_fail_safes_work",),
    ),
    Mutant(
        "commissioning measures a silence in which other lamps talk", "R04", f"{CONTROLLER}/light/place.py",
        "            lamp.hushed = True", "            pass",
        (f"{COMMISSIONING}::test_a_watchdog_that_another_lamp_feeds_is_refused_where_nothing_else_ends_the_light",),
    ),
    Mutant(
        "any cut-off will do, whichever was commissioned", "R04", f"{CONTROLLER}/light/output.py",
        '            found["cutoff"] = await self.cutoff.identify()', "            pass",
        (f"{COMMISSIONING}::test_a_cutoff_that_was_exchanged_gives_no_light",),
    ),
    # who asks
    Mutant(
        "a stop waits for its body", "H15", f"{CONTROLLER}/api/app.py",
        "        async with asyncio.timeout(STOP_BODY_S):", "        async with asyncio.timeout(None):", (API,),
    ),
    Mutant(
        "a stop passes the gate like anything else", "H15", f"{CONTROLLER}/api/gate.py",
        ' or scope["path"] == STOP:', ":", (API,),
    ),
    Mutant(
        "the newest connection makes room", "H15", f"{CONTROLLER}/api/connections.py",
        "min(others, key=", "max(others, key=", ("tests/unit/test_connections.py",),
    ),
    Mutant(
        "a page from elsewhere may touch", "promise 2", f"{CONTROLLER}/api/gate.py",
        "        ours = False", "        ours = True", (API,),
    ),
    Mutant(
        "a name that was made to lead here is ours", "promise 2", f"{CONTROLLER}/api/gate.py",
        " and address.hostname in LOOPBACK", "", (API,),
    ),
    Mutant(
        "the clinic's pages are foreign, and so is everybody's answer to them", "the live panel", f"{CONTROLLER}/api/cross_origin.py",
        "        ours = scope", "        ours = False and scope", (API,),
    ),
    Mutant(
        "a token that has expired still opens", "R06", f"{DOMAIN}/tokens.py",
        "    if now >= until + CLOCKS_APART:", "    if False:", (TOKENS,),
    ),
    Mutant(
        "a token may last a year", "R06", f"{DOMAIN}/tokens.py",
        "    if until - since > LIFETIME_MAX:", "    if False:", (TOKENS,),
    ),
    Mutant(
        "whose key signed a token is not asked", "R06", f"{CONTROLLER}/api/authority.py",
        '    "verify_signature": True,', '    "verify_signature": False,', (AUTHORITY,),
    ),
    Mutant(
        "who is signed in may act in another's name", "R06", f"{CONTROLLER}/api/authority.py",
        "        if by is not None and by != login:", "        if False:", (AUTHORITY,),
    ),
    Mutant(
        "a paused session is resumed by anybody", "R06", f"{CONTROLLER}/api/authority.py",
        '"end": Needs.NOBODY}', '"end": Needs.NOBODY, "resume": Needs.NOBODY}', (AUTHORITY,),
    ),
    Mutant(
        "a word in the body stands for one of the path", "R06", f"{CONTROLLER}/api/authority.py",
        "{**body, **request.path_params}", "{**request.path_params, **body}", (AUTHORITY,),
    ),
    Mutant(
        "an expired token is in the way of a pause", "H15", f"{CONTROLLER}/api/authority.py",
        "        if need is Needs.NOBODY:\n            return\n        token = _token(request)",
        "        token = _token(request)\n        if need is Needs.NOBODY and token is None:\n            return",
        (AUTHORITY,),
    ),
    # the program itself
    Mutant(
        "the watchdog never bites", "H11", f"{CONTROLLER}/watchdog.py",
        "        if stalled_s > self._limit_s:", "        if False:", ("tests/service/test_watchdog.py",),
    ),
    Mutant(
        "a controller that hangs is left to it", "H11", "src/irctl/supervisor.py",
        "            elif now_s - heard_s > child.silence_max_s:", "            elif False:", ("tests/service/test_supervisor.py",),
    ),
    # the schedule
    Mutant(
        "what was told is told again", "reminders", f"{CONTROLLER}/calibration/reminders.py",
        "        if last is not None and self._told(last).covers(asked.occasion, asked.lead_days):", "        if False:",
        (REMINDERS,),
    ),
    Mutant(
        "what somebody has seen to is shown again after the next file", "reminders", f"{CONTROLLER}/journal/memory.py",
        'self._lasting[f"answered {item}"] = event', "pass", (REMINDERS,),
    ),
    Mutant(
        "a clock that steps is not noticed", "reminders", "src/irctl/clinic/duties/schedule.py",
        "        if woken or step or now_s >= self._look_at_s:", "        if woken or now_s >= self._look_at_s:",
        ("tests/unit/test_schedule.py",),
    ),
    Mutant(
        "what was done yesterday is told to be due within a month", "reminders", f"{DOMAIN}/reminders.py",
        "    fresh = [m for m in moments if item.last_at is None or m.at > item.last_at]", "    fresh = moments",
        ("tests/unit/test_reminders.py",),
    ),
    Mutant(
        "a clinic that dies stays dead for a minute", "reminders", "src/irctl/supervisor.py",
        "BESIDE_BACKOFF_MAX_S = 60.0", "BESIDE_BACKOFF_MAX_S = 60.0\nBACKOFF_MIN_S = 60.0",
        ("tests/service/test_supervisor.py::test_a_clinic_that_dies_is_started_again_and_the_controller_never_is",),
    ),
    Mutant(
        "a lease that was renewed too late goes on", "H11", f"{CONTROLLER}/light/treatment.py",
        "        elif late_s > self._output.lease_s - self._info.tick_s:", "        elif False:", (FAULTS,),
    ),
)  # fmt: skip
