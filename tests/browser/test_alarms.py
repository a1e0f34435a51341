"""Alarms and the question for the attendant on the status page: seen, heard, answered by name, and never in the way of STOP."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.scripted import FakeController, a_dark_lamp, a_lamp, eventually, unavailable

try:
    from playwright.sync_api import Browser, Locator, Page, expect
except ImportError:
    unavailable("playwright is not installed")

SESSION = "S-20261123-0001-left"
ATTEND = f"/v1/sessions/{SESSION}/attend"
STEADY_MS = 600  # longer than what has just moved is protected from being pressed
NOTE_TONES = """() => {
  window.tones = [];
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (at) { window.tones.push(at); return start.call(this, at); };
}"""
FLASH = "e => { const s = getComputedStyle(e); return s.animationName === 'none' ? 0 : 1 / parseFloat(s.animationDuration); }"


def an_alarm(priority: str, text: str = "Skin 43.2 °C.", **fields: Any) -> dict[str, Any]:
    alarm = {"id": f"A-{priority}", "at": "2026-11-23T19:29:58.000Z", "priority": priority, "lamp": "left"}
    return alarm | {"session": SESSION, "hazard": "H07", "text": text, "remedy": "Look.", "warns": False} | fields


def a_question(unanswered_s: float = 5.0, *, dimmed: bool = False) -> dict[str, Any]:
    asked = {"due_in_s": 0.0, "asked": unanswered_s > 0, "unanswered_s": unanswered_s, "dimmed": dimmed}
    return a_lamp(attendance=asked | {"answer_within_s": 30.0, "dark_after_s": 60.0})


def name_is_given(page: Page, name: str = "M. Okafor") -> None:
    page.get_by_label("Your name").locator("visible=true").fill(name)


def cards(page: Page) -> Locator:
    return page.locator("irctl-alarms li")


def posted(page: Page, controller: FakeController, path: str) -> Any:
    """The body of the one post that was made."""
    eventually(lambda: controller.posts, 2, page)
    ((asked, body),) = controller.posts
    assert asked == path
    controller.posts.clear()
    return body


def tones(page: Page) -> list[float]:
    """When each tone began, on the sound's own clock; the partials of one pulse begin together."""
    return page.evaluate("window.tones")


@pytest.fixture
def heard(browser: Browser, controller: FakeController) -> Iterator[Page]:
    """The status page, with every tone noted that it begins."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.add_init_script(f"({NOTE_TONES})()")
    page.goto(controller.url)
    page.locator("article").first.wait_for()
    yield page
    context.close()


def test_alarms_stand_on_top_most_urgent_first_and_say_their_priority(page: Page, controller: FakeController) -> None:
    controller.alarms = [
        an_alarm("high", "Skin <b>43.2 °C</b>.", remedy="Look at the skin."),
        an_alarm("medium"),
        an_alarm("low", "Radiometer needs verification.", lamp=None),
    ]
    expect(cards(page)).to_have_count(3)
    for card, word in zip(cards(page).all(), ["high priority", "medium priority", "low priority"], strict=True):
        expect(card).to_contain_text(word)
    expect(cards(page).first).to_contain_text("Left lamp: Skin <b>43.2 °C</b>.")  # literally
    expect(cards(page).first).to_contain_text("Look at the skin.")
    expect(cards(page).last).to_contain_text("Radiometer needs verification.")
    expect(page.locator("irctl-lamp-panel ul.alarms")).to_be_hidden()  # not shown twice
    alarm, lamp = cards(page).last.bounding_box(), page.locator("article").first.bounding_box()
    assert alarm is not None
    assert lamp is not None
    assert alarm["y"] < lamp["y"]


@pytest.mark.parametrize(
    ("priority", "slowest_hz", "fastest_hz"), [("high", 1.4, 2.8), ("medium", 0.4, 0.8), ("low", 0, 0)]
)
def test_a_sign_flashes_at_the_rate_of_its_priority(
    page: Page, controller: FakeController, priority: str, slowest_hz: float, fastest_hz: float
) -> None:
    controller.alarms = [an_alarm(priority)]
    sign = cards(page).locator("i")
    expect(sign).to_be_visible()
    assert slowest_hz <= sign.evaluate(FLASH) <= fastest_hz


def test_nothing_flashes_for_who_asked_for_less_motion(page: Page, controller: FakeController) -> None:
    page.emulate_media(reduced_motion="reduce")
    controller.alarms = [an_alarm("high")]
    expect(cards(page)).to_contain_text("high priority")
    assert cards(page).locator("i").evaluate(FLASH) == 0


def test_an_alarm_is_acknowledged_by_name_and_goes_when_the_controller_says_so(
    page: Page, controller: FakeController
) -> None:
    controller.alarms = [an_alarm("high"), an_alarm("low")]
    acknowledge = cards(page).first.get_by_role("button", name="Acknowledge")
    expect(acknowledge).to_be_visible()
    page.wait_for_timeout(STEADY_MS)
    acknowledge.click()
    expect(page.get_by_text("First your name")).to_be_visible()
    assert controller.posts == []
    name_is_given(page)
    acknowledge.click()
    assert posted(page, controller, "/v1/alarms/A-high/acknowledge") == {"by": "M. Okafor"}
    expect(cards(page)).to_have_count(2)
    controller.alarms = controller.alarms[1:]
    expect(cards(page)).to_have_count(1)
    expect(cards(page)).to_contain_text("low priority")


def test_a_new_urgent_alarm_is_in_view_however_far_the_list_was_scrolled(
    page: Page, controller: FakeController
) -> None:
    controller.alarms = [an_alarm("low", f"Note {n}.", id=f"A-{n}") for n in range(12)]
    expect(cards(page)).to_have_count(12)
    cards(page).last.scroll_into_view_if_needed()
    controller.alarms = [an_alarm("high"), *controller.alarms]
    expect(cards(page).first).to_contain_text("high priority")
    expect(cards(page).first).to_be_in_viewport(ratio=0.9)


def test_a_refusal_is_shown_with_its_reason(page: Page, controller: FakeController) -> None:
    controller.refused = ("/v1/alarms/A-high/acknowledge",)
    controller.alarms = [an_alarm("high")]
    expect(cards(page)).to_be_visible()
    page.wait_for_timeout(STEADY_MS)
    name_is_given(page)
    cards(page).get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text("Refused · It is not open. Look again.")).to_be_visible()


def test_the_name_lasts_through_a_reload(page: Page, controller: FakeController) -> None:
    controller.alarms = [an_alarm("high")]
    name_is_given(page)
    page.reload()
    expect(page.get_by_label("Your name").locator("visible=true")).to_have_value("M. Okafor")
    expect(cards(page)).to_have_count(1)  # and so does the alarm


def test_who_is_signed_in_is_offered_as_the_name(page: Page, controller: FakeController) -> None:
    controller.alarms = [an_alarm("high")]
    page.evaluate("document.querySelector('irctl-lamp-panel').setAttribute('by', 'A. Person')")
    expect(page.locator("irctl-alarms").get_by_label("Your name")).to_have_value("A. Person")


def test_a_card_that_has_just_moved_under_the_finger_is_not_acknowledged(
    page: Page, controller: FakeController
) -> None:
    controller.alarms = [an_alarm("low")]
    name_is_given(page)
    page.wait_for_timeout(STEADY_MS)
    page.evaluate("""() => {
      const list = document.querySelector("irctl-alarms").shadowRoot.querySelector("ul");
      new MutationObserver(() => list.querySelector("button").click()).observe(list, { childList: true });
    }""")
    controller.alarms = [an_alarm("high"), an_alarm("low")]
    expect(page.get_by_text("This has just changed")).to_be_visible()
    assert controller.posts == []


@pytest.mark.parametrize(("priority", "pulses"), [("high", 10), ("medium", 3), ("low", 1)])
def test_an_alarm_sounds_as_its_priority_asks(
    heard: Page, controller: FakeController, priority: str, pulses: int
) -> None:
    heard.mouse.click(5, 5)
    controller.alarms = [an_alarm(priority)]
    eventually(lambda: tones(heard), 3, heard)
    assert len(set(tones(heard))) == pulses


def test_a_burst_is_repeated_until_somebody_silences_it_and_the_time_left_is_shown(
    heard: Page, controller: FakeController
) -> None:
    heard.mouse.click(5, 5)
    controller.alarms = [an_alarm("high")]
    eventually(lambda: len(set(tones(heard))) > 10, 10, heard)
    name_is_given(heard)
    heard.get_by_role("button", name="Silence 2 min").click()
    assert posted(heard, controller, "/v1/alarms/audio-pause") == {"by": "M. Okafor"}
    controller.audio_paused_s = 102.4
    expect(heard.get_by_role("button", name="Silent for 1:43")).to_be_disabled()
    before = tones(heard)
    heard.wait_for_timeout(7000)  # longer than from one burst to the next
    assert tones(heard) == before
    expect(cards(heard)).to_be_visible()  # silent, not gone
    controller.audio_paused_s = 0.0
    eventually(lambda: len(tones(heard)) > len(before), 3, heard)


def test_a_page_that_nobody_has_touched_says_that_it_makes_no_sound(heard: Page, controller: FakeController) -> None:
    controller.alarms = [an_alarm("high")]
    hint = heard.get_by_role("button", name="No alarm sound yet: touch here")
    expect(hint).to_be_visible()
    assert tones(heard) == []
    hint.click(force=True)  # the first touch anywhere is what the sound waits for
    expect(hint).to_be_hidden()
    eventually(lambda: tones(heard), 3, heard)


def test_a_question_calls_once_and_softly(heard: Page, controller: FakeController) -> None:
    heard.mouse.click(5, 5)
    controller.lamps = [a_question()]
    eventually(lambda: tones(heard), 3, heard)
    heard.wait_for_timeout(1000)
    assert len(set(tones(heard))) == 1


def test_nobody_is_asked_before_it_is_time(page: Page, controller: FakeController) -> None:
    controller.lamps = [a_question(0.0)]
    page.wait_for_timeout(STEADY_MS)
    expect(page.get_by_role("button", name="Too hot")).to_be_hidden()


@pytest.mark.parametrize(
    ("word", "comfort"), [("Comfortable", "comfortable"), ("Warm", "warm"), ("Too hot", "too-hot")]
)
def test_the_attendant_answers_for_the_patient(page: Page, controller: FakeController, word: str, comfort: str) -> None:
    controller.lamps = [a_question(7.4), a_dark_lamp()]
    expect(page.get_by_text("Left lamp · is the patient comfortable?")).to_be_visible()
    page.wait_for_timeout(STEADY_MS)
    name_is_given(page)
    page.get_by_role("button", name=word).click()
    assert posted(page, controller, ATTEND) == {"by": "M. Okafor", "comfort": comfort}
    controller.lamps = [a_question(0.0)]
    expect(page.get_by_role("button", name=word)).to_be_hidden()


def test_too_hot_needs_no_name_but_light_that_goes_on_does(page: Page, controller: FakeController) -> None:
    controller.lamps = [a_question()]
    expect(page.get_by_role("button", name="Comfortable")).to_be_visible()
    page.wait_for_timeout(STEADY_MS)
    page.get_by_role("button", name="Comfortable").click()
    expect(page.get_by_text("First your name")).to_be_visible()
    assert controller.posts == []
    page.get_by_role("button", name="Too hot").click()
    assert posted(page, controller, ATTEND) == {"by": "status page", "comfort": "too-hot"}


def test_the_question_counts_down_to_dimming_and_then_to_dark(page: Page, controller: FakeController) -> None:
    controller.lamps = [a_question(7.4)]
    question = page.get_by_role("region", name="Attendance, Left lamp")
    expect(question).to_contain_text("Without an answer it dims in 0:23, and goes dark in 0:53")
    controller.lamps = [a_question(41.9, dimmed=True)]
    expect(question).to_contain_text("Dimmed, because nobody answered. Dark in 0:19")
    controller.streaming = False
    expect(question).to_contain_text("No live data", timeout=4000)
    expect(question).not_to_contain_text("0:1")


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_stop_keeps_its_place_and_every_button_is_large_and_in_view(
    page: Page, controller: FakeController, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    before = page.locator(".stop").bounding_box()
    controller.alarms = [an_alarm("high", f"Alarm {n}.", id=f"A-{n}") for n in range(12)]
    controller.lamps = [a_question(), a_dark_lamp()]
    expect(cards(page)).to_have_count(12)
    assert page.locator(".stop").bounding_box() == before
    for name in ["Comfortable", "Warm", "Too hot", "Silence 2 min"]:
        expect(page.get_by_role("button", name=name)).to_be_in_viewport(ratio=1)
    small = page.locator("button:visible").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect()).filter(b => Math.min(b.width, b.height) < 44).length"
    )
    assert small == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator(".stop").click()
    assert posted(page, controller, "/v1/stop") is None


@pytest.mark.parametrize("defect", ["throw new Error('defect');", "import './missing.js';", "this is no script"])
def test_with_a_broken_script_stop_works_and_the_panel_lists_the_alarms_itself(
    browser: Browser, controller: FakeController, defect: str
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.route("**/ui/alarms.js", lambda route: route.fulfill(content_type="text/javascript", body=defect))
    controller.alarms = [an_alarm("high")]
    page.goto(controller.url)
    expect(page.locator("ul.alarms li")).to_contain_text("Left lamp: Skin 43.2 °C.")
    page.locator(".stop").click()
    assert posted(page, controller, "/v1/stop") is None
    context.close()


def test_alarms_that_cannot_be_drawn_fall_back_to_the_panels_own_list(page: Page, controller: FakeController) -> None:
    controller.alarms = [an_alarm("high")]
    expect(cards(page)).to_be_visible()
    page.evaluate("""() => {
      const desk = document.querySelector("irctl-alarms");
      desk.shadowRoot.querySelector("ul").insertBefore = () => { throw new Error("defect"); };
    }""")
    controller.alarms = [an_alarm("high"), an_alarm("low", "Plan a verification.")]
    expect(page.locator("ul.alarms li")).to_have_count(2)
    expect(page.locator("ul.alarms").get_by_text("Plan a verification.")).to_be_visible()
    page.keyboard.press("Escape")
    assert posted(page, controller, "/v1/stop") is None


def test_who_is_signed_in_acknowledges_and_answers_at_once_in_that_name(page: Page, controller: FakeController) -> None:
    controller.sign_in = True
    page.evaluate("""() => {
      const panel = document.querySelector("irctl-lamp-panel");
      panel.setAttribute("by", "okafor");
      panel.setAttribute("token", "a.b.c");
    }""")
    controller.alarms = [an_alarm("high")]
    controller.lamps = [a_question()]
    acknowledge = cards(page).get_by_role("button", name="Acknowledge")
    expect(acknowledge).to_be_visible()
    expect(page.get_by_label("Your name").locator("visible=true")).to_have_count(0)
    page.wait_for_timeout(STEADY_MS)
    acknowledge.click()
    assert posted(page, controller, "/v1/alarms/A-high/acknowledge") == {"by": "okafor"}
    page.get_by_role("button", name="Warm").click()
    assert posted(page, controller, ATTEND) == {"by": "okafor", "comfort": "warm"}
    assert controller.tokens == ["Bearer a.b.c"] * 2


def test_without_a_sign_in_only_too_hot_and_silence_can_be_pressed(page: Page, controller: FakeController) -> None:
    controller.sign_in = True
    controller.alarms = [an_alarm("high")]
    controller.lamps = [a_question()]
    expect(page.get_by_text("To acknowledge and to answer, sign in at the clinic’s page.")).to_be_visible()
    for word in ("Acknowledge", "Comfortable", "Warm"):
        expect(page.get_by_role("button", name=word)).to_be_hidden()
    page.get_by_role("button", name="Too hot").click()
    assert posted(page, controller, ATTEND) == {"by": "status page", "comfort": "too-hot"}
    page.get_by_role("button", name="Silence 2 min").click()
    assert posted(page, controller, "/v1/alarms/audio-pause") == {"by": "status page"}
    assert controller.tokens == [None, None]
