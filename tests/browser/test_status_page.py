"""The status page in a real browser, against a scripted controller: what it must show, and above all what it must never hide."""

import time
from typing import Literal

import pytest

from tests.browser.scripted import EVENT_PERIOD_S, FakeController, a_dark_lamp, a_lamp, eventually, unavailable

# The page notes the moment itself: how often the test looks must not count.
NOTE_WHEN_GREY = """() => {
  const panel = document.querySelector("irctl-lamp-panel");
  const note = () => (window.greyAt ??= panel.hasAttribute("stale") ? Date.now() : undefined);
  new MutationObserver(note).observe(panel, { attributes: true });
}"""


try:
    from playwright.sync_api import Browser, Page, expect
except ImportError:
    unavailable("playwright is not installed")


def shows(page: Page, text: str, within_s: float = 2) -> None:
    expect(page.get_by_text(text).locator("visible=true").first).to_be_visible(timeout=within_s * 1000)


def test_the_figures_of_a_running_session_are_shown(page: Page) -> None:
    for text in ["Room 2", "SIMULATED", "not a certified medical device", "Left lamp", "Emitting"]:
        shows(page, text)
    for text in ["12.6", "24.0", "11.9 – 13.4", "51", "39.4", "3:38", "68"]:  # interval outwards, time left upwards
        expect(page.get_by_text(text, exact=True).first).to_be_visible()
    shows(page, "Calibration C-2026-0042, valid until 2027-03-01")
    shows(page, "✓ door closed")


def test_unknown_is_said_and_never_zero(page: Page, controller: FakeController) -> None:
    lamp = a_lamp(calibration=None)
    lamp["live"] |= {
        "irradiance_mw_cm2": None,
        "skin_c": None,
        "on": None,
        "interlocks": {"door": None, "stop-button": False},
    }
    controller.lamps = [lamp]
    for text in ["? door unknown", "✕ stop button open", "? output unknown", "No calibration in force"]:
        shows(page, text)
    expect(page.locator("dd", has_text="mW/cm²")).to_contain_text("–")


@pytest.mark.parametrize("how", ["silent", "repeating itself", "hung up"])
def test_the_panel_is_grey_within_two_seconds_of_the_last_news(
    page: Page, controller: FakeController, how: str
) -> None:
    panel = page.locator("irctl-lamp-panel:not([stale])")
    expect(panel).to_be_attached()
    page.evaluate(NOTE_WHEN_GREY)
    match how:
        case "silent":
            controller.streaming = False
        case "hung up":
            controller.hung_up = True
        case _:
            controller.clock_runs = False
    last = time.time()
    expect(page.locator("irctl-lamp-panel[stale]")).to_be_attached(timeout=5000)
    assert (
        1.0 < page.evaluate("window.greyAt") / 1000 - last < 2.0 + EVENT_PERIOD_S
    )  # the last event may have left one period after the script changed
    shows(page, "No live data since")
    assert "line-through" in page.locator("[data-f=dose]").evaluate("e => getComputedStyle(e).textDecoration")
    assert page.locator(".stop").evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(193, 18, 31)"
    expect(page.locator(".stop")).to_be_enabled()
    controller.streaming = controller.clock_runs = True
    controller.hung_up = False
    expect(panel).to_be_attached(timeout=8000)


def test_one_lamp_without_fresh_readings_is_grey_while_the_others_are_not(
    page: Page, controller: FakeController
) -> None:
    silent = a_lamp("left")
    silent["live"] = silent["live"] | {"at_s": controller.at_s}
    controller.lamps = [silent, a_dark_lamp("right")]
    expect(page.locator("article.stale", has_text="Left lamp")).to_be_visible(timeout=4000)
    expect(page.locator("article:not(.stale)", has_text="Right lamp")).to_be_visible()
    shows(page, "Unknown (was emitting)")


def test_stop_is_posted_without_a_body_and_shows_its_evidence(page: Page, controller: FakeController) -> None:
    page.locator(".stop").click()
    shows(page, "Stopped at")
    for text in ["✓ 4 ms", "✓ 21 ms", "✓ 843 ms", "by emitter"]:
        shows(page, text)
    assert controller.posts == [("/v1/stop", None)]


def test_escape_stops_even_while_someone_is_typing(page: Page, controller: FakeController) -> None:
    page.get_by_role("button", name="End…").click()
    page.get_by_label("Reason (optional)").press("Escape")
    shows(page, "Stopped at")
    assert controller.stops == 1


@pytest.mark.parametrize("failure", ["error", "hang", "nonsense"])
def test_a_stop_that_fails_is_loud_and_is_repeated_until_confirmed(
    page: Page, controller: FakeController, failure: Literal["error", "hang", "nonsense"]
) -> None:
    controller.stop_answers = failure
    page.locator(".stop").click()
    shows(page, "STOP NOT CONFIRMED — use the lamp’s own switch", within_s=2.5)
    eventually(lambda: controller.stops >= 2, 4, page)
    controller.stop_answers = "ok"
    shows(page, "Stopped at", within_s=4)
    expect(page.get_by_text("STOP NOT CONFIRMED")).to_be_hidden()


def test_a_latch_seen_on_the_stream_confirms_the_stop(page: Page, controller: FakeController) -> None:
    controller.stop_answers = "hang"
    page.locator(".stop").click()
    eventually(lambda: controller.stops == 1, 2, page)
    controller.stop()
    shows(page, "Stopped at")
    page.wait_for_timeout(2500)  # longer than one attempt
    expect(page.get_by_text("STOP NOT CONFIRMED")).to_be_hidden()
    assert controller.stops == 1


def test_stop_works_while_no_data_comes(page: Page, controller: FakeController) -> None:
    controller.streaming = False
    shows(page, "No live data since", within_s=3)
    page.locator(".stop").click()
    shows(page, "Stopped at")


def test_a_lamp_that_is_not_verified_dark_is_named(page: Page, controller: FakeController) -> None:
    controller.stop()
    assert controller.latched is not None
    controller.latched["evidence"]["left"]["verified_dark_s"] = None
    shows(page, "Not verified dark: Left lamp. Look at the lamp; if it glows, use its own switch.", within_s=5)
    shows(page, "✕ not verified")


def test_the_latch_is_cleared_by_a_named_person_with_a_reason(page: Page, controller: FakeController) -> None:
    controller.stop()
    controller.clear_refused = True
    shows(page, "Stopped at")
    clear = page.get_by_role("button", name="Clear the stop")
    clear.click()
    assert controller.posts == []  # the name is required
    page.get_by_role("textbox", name="Your name").fill("M. Okafor")
    page.get_by_role("textbox", name="Reason").fill("Patient only coughed")
    clear.click()
    shows(page, "Not cleared · The door is open. Close it.")
    controller.clear_refused = False
    clear.click()
    expect(page.get_by_text("Stopped at")).to_be_hidden(timeout=2000)
    assert controller.posts[-1] == ("/v1/clear", {"by": "M. Okafor", "reason": "Patient only coughed"})


def test_a_session_is_paused_at_once_but_resumed_only_by_name(page: Page, controller: FakeController) -> None:
    page.get_by_role("button", name="Pause").click()
    eventually(lambda: controller.posts, 2, page)
    assert controller.posts.pop() == ("/v1/sessions/S-20261123-0001-left/pause", {"by": "status page"})
    controller.lamps[0]["session"]["state"] = "paused"
    page.get_by_role("button", name="Resume…").click()
    page.get_by_role("button", name="Resume emission").click()
    assert controller.posts == []
    page.get_by_role("textbox", name="Your name").fill("M. Okafor")
    page.get_by_role("button", name="Resume emission").click()
    eventually(lambda: controller.posts, 2, page)
    assert controller.posts.pop() == ("/v1/sessions/S-20261123-0001-left/resume", {"by": "M. Okafor"})


def test_a_session_is_ended_by_a_second_press_with_or_without_a_reason(page: Page, controller: FakeController) -> None:
    page.get_by_role("button", name="End…").click()
    assert controller.posts == []
    page.get_by_role("button", name="End this treatment").click()
    eventually(lambda: controller.posts, 2, page)
    assert controller.posts.pop() == ("/v1/sessions/S-20261123-0001-left/end", {"by": "status page"})


def test_stop_stays_in_place_and_large_on_a_small_screen(page: Page, controller: FakeController) -> None:
    controller.lamps = [a_lamp(), a_dark_lamp()]
    page.set_viewport_size({"width": 400, "height": 700})
    shows(page, "Right lamp")
    before = page.locator(".stop").bounding_box()
    page.mouse.wheel(0, 600)
    page.wait_for_timeout(300)
    assert before is not None
    assert before == page.locator(".stop").bounding_box()
    assert min(before["width"], before["height"]) >= 64
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    small = page.locator("button:visible").evaluate_all(
        "all => all.filter(e => e.getBoundingClientRect().height < 44).length"
    )
    assert small == 0


def test_stop_needs_no_script(browser: Browser, controller: FakeController) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(controller.url)
    page.get_by_role("button", name="STOP all lamps").click()
    page.wait_for_url("**/v1/stop")
    assert controller.posts == [("/v1/stop", None)]
    context.close()


def test_a_panel_for_one_lamp_shows_only_that_lamp(page: Page, controller: FakeController) -> None:
    controller.lamps = [a_lamp("left"), a_dark_lamp("right")]
    expect(page.locator("article")).to_have_count(2)
    page.evaluate("document.querySelector('irctl-lamp-panel').setAttribute('lamp', 'right')")
    expect(page.locator("article")).to_have_count(1)
    shows(page, "Right lamp")
    shows(page, "Dark")


def test_a_press_is_one_stop_and_the_next_press_is_another(page: Page, controller: FakeController) -> None:
    page.locator(".stop").dblclick()
    shows(page, "Stopped at")
    page.wait_for_timeout(1100)
    page.locator(".stop").press("Enter")
    eventually(lambda: controller.stops == 2, 2, page)


def test_the_evidence_comes_into_view_wherever_the_reader_is(page: Page, controller: FakeController) -> None:
    page.set_viewport_size({"width": 400, "height": 600})
    page.mouse.wheel(0, 900)
    page.wait_for_timeout(300)
    page.keyboard.press("Escape")
    expect(page.get_by_text("Stopped at")).to_be_in_viewport(timeout=2000)


def test_the_plot_is_drawn(page: Page) -> None:
    page.wait_for_timeout(1200)
    inked = page.locator("canvas").evaluate(
        "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 === 3 && v > 200).length"
    )
    assert inked > 100


# --- who is signed in ----------------------------------------------------------------------------------------------------

SIGN_IN = """([by, token]) => {
  const panel = document.querySelector("irctl-lamp-panel");
  panel.setAttribute("by", by);
  panel.setAttribute("token", token);
}"""


def signed_in(page: Page) -> None:
    page.evaluate(SIGN_IN, ["okafor", "a.b.c"])


def test_who_is_signed_in_is_not_asked_for_a_name_and_the_token_goes_along(
    page: Page, controller: FakeController
) -> None:
    controller.sign_in = True
    signed_in(page)
    controller.lamps[0]["session"]["state"] = "paused"
    page.get_by_role("button", name="Resume…").click()
    expect(page.get_by_role("textbox", name="Your name")).to_have_count(0)
    page.get_by_role("button", name="Resume emission").click()
    eventually(lambda: controller.posts, 2, page)
    assert controller.posts.pop() == ("/v1/sessions/S-20261123-0001-left/resume", {"by": "okafor"})
    assert controller.tokens == ["Bearer a.b.c"]


def test_who_is_signed_in_clears_a_stop_with_a_reason_alone(page: Page, controller: FakeController) -> None:
    controller.sign_in = True
    signed_in(page)
    controller.stop()
    clear = page.get_by_role("button", name="Clear the stop")
    expect(clear).to_be_visible()
    clear.click()
    assert controller.posts == []  # the reason is required
    page.get_by_role("textbox", name="Reason").fill("Patient only coughed")
    clear.click()
    eventually(lambda: controller.posts, 2, page)
    assert controller.posts.pop() == ("/v1/clear", {"by": "okafor", "reason": "Patient only coughed"})
    assert controller.tokens == ["Bearer a.b.c"]


def test_without_a_sign_in_what_makes_light_cannot_be_pressed_and_what_takes_it_away_can(
    page: Page, controller: FakeController
) -> None:
    controller.sign_in = True
    page.get_by_role("button", name="Pause").click()
    eventually(lambda: controller.posts, 2, page)
    assert controller.posts.pop() == ("/v1/sessions/S-20261123-0001-left/pause", {"by": "status page"})
    controller.lamps[0]["session"]["state"] = "paused"
    shows(page, "To resume, sign in at the clinic’s page.")
    expect(page.get_by_role("button", name="Resume…")).to_be_hidden()
    expect(page.get_by_role("button", name="End…")).to_be_visible()
    page.locator(".stop").click()
    shows(page, "To clear the stop, sign in at the clinic’s page.")
    expect(page.get_by_role("button", name="Clear the stop")).to_have_count(0)
    assert controller.tokens == [None, None]
    signed_in(page)
    expect(page.get_by_role("button", name="Clear the stop")).to_be_visible()


def test_a_stop_never_carries_the_token(page: Page, controller: FakeController) -> None:
    """It would make the browser ask for leave first."""
    signed_in(page)
    page.locator(".stop").click()
    shows(page, "Stopped at")
    assert controller.posts == [("/v1/stop", None)]
    assert controller.tokens == [None]


def test_under_another_pages_title_the_panel_has_none_but_keeps_its_stop(
    page: Page, controller: FakeController
) -> None:
    before = page.locator(".stop").bounding_box()
    page.evaluate("document.querySelector('irctl-lamp-panel').setAttribute('compact', '')")
    expect(page.get_by_role("heading", name="Room 2")).to_be_hidden()
    shows(page, "SIMULATED")
    after = page.locator(".stop").bounding_box()
    assert before is not None
    assert after is not None
    assert (after["width"], after["height"]) == (before["width"], before["height"])
    page.locator(".stop").click()
    shows(page, "Stopped at")
