"""The light path of one lamp: leases in, dark out, and what counts as proof."""

from __future__ import annotations

import asyncio

import pytest

from irctl.bus.errors import NoReply
from irctl.controller.light.checking import prove_dark_and_arm
from irctl.controller.light.output import AFTER_CUTOFF_S, DARK_PATIENCE_S, Evidence, Output
from irctl.devices.roles import DeviceFault, NotArmed
from tests.unit.hardware import ACutoff, AnEmitter

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

LEASE_S, CUTOFF_LEASE_S = 2.0, 3.0


def now() -> float:
    return asyncio.get_running_loop().time()


class Path:
    """An output and the machines behind it."""

    def __init__(self, *, cutoff: bool = True) -> None:
        self.emitter = AnEmitter()
        self.cutoff = ACutoff() if cutoff else None
        self.output = Output(self.emitter, LEASE_S, self.cutoff, CUTOFF_LEASE_S if cutoff else 0.0)

    @property
    def lit(self) -> bool:
        return self.emitter.on and (self.cutoff is None or self.cutoff.on)

    async def shining(self) -> Path:
        await self.output.arm()
        await self.output.renew(50.0)
        await self.output.observe()
        assert self.lit
        return self


@pytest.fixture
async def path() -> Path:
    return await Path().shining()


@pytest.fixture
async def bare() -> Path:
    """Without a cut-off."""
    return await Path(cutoff=False).shining()


# --- light -------------------------------------------------------------------------------------------------------------


async def test_nothing_is_known_to_be_dark_before_it_was_read() -> None:
    path = Path()
    assert not path.output.verified_dark
    await path.output.observe()
    assert path.output.verified_dark


async def test_light_lasts_one_lease_and_no_longer(path: Path) -> None:
    await asyncio.sleep(LEASE_S - 0.1)
    assert path.lit
    await asyncio.sleep(0.2)
    assert not path.lit


async def test_light_lasts_as_long_as_it_is_renewed(path: Path) -> None:
    for _ in range(40):
        await asyncio.sleep(0.5)
        await path.output.renew(50.0)
        assert path.lit


async def test_the_cut_off_is_renewed_too_but_not_with_every_tick(path: Path) -> None:
    for _ in range(48):
        await asyncio.sleep(0.25)
        await path.output.renew(50.0)
    assert path.cutoff is not None
    assert path.emitter.said.count("emit") == 49
    assert 12 <= path.cutoff.said.count("close") <= 14


async def test_unarmed_there_is_no_light() -> None:
    path = Path()
    with pytest.raises(NotArmed):
        await path.output.renew(50.0)
    assert not path.lit


async def test_a_renewal_that_was_not_answered_says_so(bare: Path) -> None:
    bare.emitter.silent = True
    before = bare.output.renewed_at_s
    with pytest.raises(NoReply):
        await bare.output.renew(50.0)
    assert bare.output.renewed_at_s == before


async def test_while_leased_nothing_counts_as_dark_even_if_it_reads_so(path: Path) -> None:
    await asyncio.sleep(LEASE_S + CUTOFF_LEASE_S)
    await path.output.observe()
    assert path.output.state.value is not None
    assert not path.output.state.value.on
    assert not path.output.verified_dark


# --- dark --------------------------------------------------------------------------------------------------------------


async def test_dark_is_sent_acknowledged_and_read_back(path: Path) -> None:
    since = now()
    evidence = await path.output.darken(since)
    assert not path.emitter.on
    assert path.cutoff is not None
    assert not path.cutoff.on
    assert path.output.verified_dark
    assert evidence.off_sent_s == 0.0
    assert evidence.acknowledged_s == pytest.approx(0.01)
    assert evidence.verified_dark_s == pytest.approx(0.02)


async def test_seconds_count_from_the_decision_not_from_the_call(path: Path) -> None:
    evidence = await path.output.darken(now() - 5.0)
    assert evidence.off_sent_s == pytest.approx(5.0)


async def test_off_is_on_its_way_as_soon_as_it_is_asked_for(path: Path) -> None:
    asking = path.output.darken(now())
    assert path.output.level_pct is None, "from the call on, not from the await on"
    await asyncio.sleep(0.001)
    assert path.emitter.said[-1] == "dark"
    await asking


async def test_a_silent_emitter_is_cut_off(path: Path) -> None:
    path.emitter.silent = True
    evidence = await path.output.darken(now())
    assert not path.lit
    assert path.output.verified_dark
    assert evidence.by == "cutoff"
    assert evidence.acknowledged_s is None, "the cut-off's word is not the emitter's"


async def test_a_lamp_whose_cut_off_is_open_does_not_keep_everybody_waiting_for_its_emitter(path: Path) -> None:
    path.emitter.silent = True
    since = now()
    await path.output.darken(since)
    assert now() - since <= AFTER_CUTOFF_S + 0.3


async def test_a_silent_cut_off_does_not_spoil_what_the_emitter_proves(path: Path) -> None:
    assert path.cutoff is not None
    path.cutoff.silent = True
    evidence = await path.output.darken(now())
    assert evidence.by == "emitter"
    assert path.output.verified_dark


async def test_silence_is_never_taken_for_dark(bare: Path) -> None:
    bare.emitter.silent = True
    since = now()
    evidence = await bare.output.darken(since)
    assert evidence.verified_dark_s is None
    assert not bare.output.verified_dark
    assert LEASE_S <= now() - since <= LEASE_S + DARK_PATIENCE_S + 0.3, (
        "asked for as long as light may last, not for ever"
    )
    assert bare.emitter.said.count("dark") > 5


async def test_an_acknowledged_off_is_no_proof(bare: Path) -> None:
    bare.emitter.deaf = True
    bare.emitter.lit_until_s = 1e9
    evidence = await bare.output.darken(now())
    assert evidence.acknowledged_s is not None
    assert evidence.verified_dark_s is None
    assert not bare.output.verified_dark


async def test_an_emitter_that_wakes_up_is_darkened(bare: Path) -> None:
    bare.emitter.silent = True
    asyncio.get_running_loop().call_later(0.5, setattr, bare.emitter, "silent", False)
    evidence = await bare.output.darken(now())
    assert evidence.by == "emitter"
    assert evidence.verified_dark_s == pytest.approx(0.55, abs=0.15)


async def test_callers_at_once_share_one_attempt_and_all_get_its_evidence(path: Path) -> None:
    found = await asyncio.gather(*(path.output.darken(now()) for _ in range(5)))
    assert path.emitter.said.count("dark") == 1
    assert {e.verified_dark_s for e in found} == {found[0].verified_dark_s}
    assert found[0].verified_dark_s is not None


async def test_a_caller_who_gives_up_does_not_call_the_others_off(bare: Path) -> None:
    bare.emitter.silent = True
    impatient = asyncio.ensure_future(bare.output.darken(now()))
    await asyncio.sleep(0.01)
    patient = asyncio.ensure_future(bare.output.darken(now()))
    await asyncio.sleep(0.01)
    impatient.cancel()
    bare.emitter.silent = False
    assert (await patient).verified_dark_s is not None


async def test_light_after_dark_closes_the_cut_off_again_at_once(path: Path) -> None:
    await path.output.darken(now())
    await path.output.arm()
    await path.output.renew(50.0)
    assert path.lit


async def test_dark_again_is_fine_at_any_time(path: Path) -> None:
    for _ in range(3):
        evidence = await path.output.darken(now())
        assert evidence.verified_dark_s is not None


async def test_fail_safes_rest_when_asked_and_a_silent_one_does_no_harm(path: Path) -> None:
    await path.output.darken(now())
    path.emitter.silent = True
    await path.output.release()
    assert path.cutoff is not None
    assert path.cutoff.armed_s is None


@pytest.mark.parametrize(
    ("level_pct", "held"), [(45.0, 45.0), (44.99999999, 45.0), (44.4, 44.0), (100.0, 100.0), (1.0, 1.0), (0.6, 0.0)]
)
async def test_a_level_between_two_steps_is_rounded_down_never_up(level_pct: float, held: float) -> None:
    assert Path().output.level_below(level_pct) == pytest.approx(held)


async def test_a_switch_knows_only_full_power() -> None:
    path = Path()
    path.emitter.level_min_pct = path.emitter.level_step_pct = 100.0
    assert path.output.level_below(99.0) == 0.0
    assert path.output.level_below(100.0) == 100.0


def test_evidence_is_written_down_in_tenths_of_milliseconds() -> None:
    evidence = Evidence(off_sent_s=0.123456)
    evidence.verify(0.2, "emitter")
    evidence.verify(0.9, "cutoff")
    assert evidence.as_dict() == {
        "off_sent_s": 0.1235,
        "acknowledged_s": None,
        "verified_dark_s": 0.2,
        "by": "emitter",
    }


async def test_a_defect_in_a_driver_does_not_end_the_attempts_at_dark() -> None:
    class Clumsy(AnEmitter):
        stumbles = 3

        async def dark(self) -> None:
            if self.stumbles:
                self.stumbles -= 1
                raise KeyError("a register nobody thought of")
            await super().dark()

    output = Output(Clumsy(), LEASE_S)
    await output.arm()
    await output.renew(50.0)
    evidence = await output.darken(asyncio.get_running_loop().time())
    assert evidence.verified_dark_s is not None
    assert output.verified_dark


async def test_a_lamp_that_reads_on_before_its_first_light_is_not_armed() -> None:
    path = await Path(cutoff=False).shining()
    path.emitter.deaf = True
    path.output.level_pct = None
    with pytest.raises(DeviceFault, match="not dark"):
        await prove_dark_and_arm(path.output)
