// @ts-check
/**
 * `<irctl-lamp-panel>`: what the lamps of one station are doing now, and the button that stops them.
 *
 *   <script type="module" src="http://127.0.0.1:8970/ui/lamp-panel.js"></script>
 *   <irctl-lamp-panel src="http://127.0.0.1:8970" lamp="left" by="A. Person"></irctl-lamp-panel>
 *
 * `src`: the controller (default: the page's own origin). `lamp`: only this one (default: all). `by`: who is signed in, offered
 * where a name is needed. It needs the controller and nobody else. Two rules shape the code: STOP is wired before anything else
 * and depends on nothing else here, and a figure that is not fresh never looks as if it were.
 *
 * @typedef {{id: string, valid_until: string}} Calibration
 * @typedef {{at_s: number, irradiance_mw_cm2: number | null, irradiance_source: "measured" | "calibrated", skin_c: number | null,
 *   level_pct: number | null, on: boolean | null, interlocks: Record<string, boolean | null>, cutoff_closed: boolean | null}} Live
 * @typedef {{id: string, state: string, outcome: string | null, order: {fluence_j_cm2: number, irradiance_mw_cm2: number,
 *   area: string, patient: string}, elapsed_s: number, remaining_s: number | null, planned_s: number, fluence_j_cm2: number,
 *   fluence_min_j_cm2: number, fluence_max_j_cm2: number, warnings: string[], reason: string | null}} Session
 * @typedef {{name: string, title: string, status: "dark" | "busy" | "unverified" | "fault", reason: string | null, serial: string,
 *   distance_cm: number, calibration: Calibration | null, session: Session | null, live: Live}} Lamp
 * @typedef {{off_sent_s: number | null, acknowledged_s: number | null, verified_dark_s: number | null, by: string}} Evidence
 * @typedef {{at: string, by: string | null, reason: string | null, evidence: Record<string, Evidence> | null}} Latch
 * @typedef {{at_s: number, latched: Latch | null, lamps: Lamp[]}} Snapshot
 * @typedef {{lamp: string | null, hazard: string, priority: "high" | "medium" | "low", text: string, remedy: string, at: string}} Alarm
 * @typedef {{root: HTMLElement, f: Record<string, HTMLElement>, trace: Sample[], lamp: Lamp}} Card
 * @typedef {{t: number, irradiance: number | null, skin: number | null}} Sample
 */

const STALE_AFTER_S = 1.5; // six missed events; with one tick more the panel is grey within 2 s
const TICK_MS = 250; // drives the watch when no event comes, and is the fastest the plots are drawn
const STOP_ATTEMPT_MS = 2000; // an unanswered stop is called unconfirmed after this; asking again is harmless
const STOP_RETRY_MS = 500;
const PRESS_MS = 1000; // one press arrives as two events (pointerdown, click)
const RECONNECT_AFTER_S = 4; // for streams that are open but silent; the browser reconnects the broken ones
const CLOCK_DRIFT = 1e-3; // s per s; far above any real drift between two computers, far below a delay that matters
const PLOT_SPAN_S = 300;
const ALARMS_SHOWN = 5;
const PRIORITIES = ["high", "medium", "low"];

const ICONS = {
  dark: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  checking: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 21 21",
  ready: "M4 12.5l5 5L20 6.5",
  warming: "M7 20c-4-5 3-7 0-13M13 20c-4-5 3-7 0-13M19 20c-4-5 3-7 0-13",
  emitting: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v3M12 19v3M2 12h3M19 12h3M4.9 4.9 7 7M17 17l2.1 2.1M4.9 19.1 7 17M17 7l2.1-2.1",
  paused: "M8 5v14M16 5v14",
  ending: "M3 18h18M7 14a5 5 0 0 1 10 0M12 3v6M9 6l3 3 3-3",
  fault: "M12 3 2 20h20zM12 9v5M12 16.8v.4",
  unknown: "M12 2 22 12 12 22 2 12zM9.7 10a2.4 2.4 0 1 1 3.3 2.2c-.7.3-1 .7-1 1.4M12 16.3v.4",
};
const STATES = {
  checking: "Checking", ready: "Ready", warming: "Warming up", emitting: "Emitting", paused: "Paused", ending: "Ending",
};

const PANEL = `
<link rel="stylesheet">
<section class="panel" aria-label="Infrared lamps">
  <header>
    <div class="bar">
      <div class="who"><h1 data-f="station">Station</h1><p><b class="simulated" data-f="simulated" hidden>SIMULATED</b>
        <span data-f="notice">Not a certified medical device.</span></p></div>
      <button type="button" class="stop" data-f="stop" aria-label="STOP: all lamps of this station" aria-keyshortcuts="Escape">
        <span>STOP</span><small data-f="stopNote">all lamps · Esc</small></button>
    </div>
    <p class="shout" role="alert" data-f="shout" hidden></p>
    <p class="old" role="alert" data-f="old" hidden></p>
  </header>
  <section class="latch" data-f="latch" aria-label="Stop latch" hidden>
    <h2 data-f="latchTitle" role="status"></h2><p data-f="latchWhy"></p>
    <table><thead><tr><th>Lamp<th>Off sent<th>Acknowledged<th>Verified dark</tr></thead><tbody data-f="evidence"></tbody></table>
    <p class="look" data-f="look" role="alert" hidden></p>
    <div data-f="clear"></div>
  </section>
  <ul class="alarms" role="alert" data-f="alarms"></ul>
  <div class="cards" data-f="cards"></div>
  <p class="none" data-f="none" hidden></p>
</section>`;

// The gauge is measured in percent of the prescription (pathLength 110: a little room above 100 %), so no trigonometry is needed.
const ARC = `d="M40.6 159.4A84 84 0 1 1 159.4 159.4" pathLength="110"`;
const CARD = `
  <div class="head"><div><h2 data-f="title"></h2><p class="sub" data-f="sub"></p></div>
    <p class="status" role="status"><svg viewBox="0 0 24 24" aria-hidden="true"><path data-f="icon"/></svg><span data-f="status"></span></p></div>
  <p class="reason" role="alert" data-f="reason" hidden></p>
  <ul class="warnings" role="alert" data-f="warnings"></ul>
  <div class="figures">
    <div class="dose" data-f="doseBox"><svg viewBox="0 0 200 176" aria-hidden="true"><path class="track" ${ARC}/><path class="best" data-f="arcBest" ${ARC}/>
      <path class="span" data-f="arcSpan" ${ARC}/><path class="goal" ${ARC}/></svg>
      <p><b class="v" data-f="dose"></b><span>of <span class="v" data-f="prescribed"></span> J/cm²</span></p>
      <small>between <span class="v" data-f="interval"></span></small></div>
    <dl>
      <div data-f="leftBox"><dt>Time left</dt><dd><b class="v" data-f="left"></b><small data-f="planned"></small></dd></div>
      <div><dt>Irradiance</dt><dd><b class="v" data-f="irradiance"></b><small>mW/cm² <span data-f="source"></span></small></dd></div>
      <div><dt>Skin</dt><dd><b class="v" data-f="skin"></b><small>°C</small></dd></div>
      <div><dt>Level</dt><dd><b class="v" data-f="level"></b><small>% of full</small></dd></div>
    </dl>
  </div>
  <figure><canvas data-f="plot" role="img"></canvas>
    <figcaption><span class="irradiance" data-f="inkIrradiance">Irradiance, mW/cm²</span><span class="skin" data-f="inkSkin">Skin, °C</span>
    <span data-f="ink">last 5 minutes</span></figcaption></figure>
  <ul class="chips" data-f="chips" aria-label="Interlocks and output"></ul>
  <p class="calibration" data-f="calibration"></p>
  <div class="actions" data-f="actions"><button type="button" data-f="pause">Pause</button><button type="button" data-f="resume">Resume…</button>
    <button type="button" data-f="end">End…</button></div>
  <div data-f="form"></div>
  <p class="said" role="alert" data-f="said" hidden></p>`;

const now_s = () => performance.now() / 1000;
/** @param {Date} [at] */
const clock = (at = new Date()) => at.toTimeString().slice(0, 8);
/** @param {number | null | undefined} x @param {number} digits */
const figure = (x, digits) => (Number.isFinite(x) ? Number(x).toFixed(digits) : "–");
/** Minutes and seconds, rounded up: a treatment with half a second to go has not ended. @param {number | null} s */
const minutes = (s) => {
  if (!Number.isFinite(s)) return "–";
  const whole = Math.max(0, Math.ceil(Number(s)));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};
/** The outside of an interval, so that rounding never makes it look tighter. @param {number} min @param {number} max */
const interval = (min, max) => `${figure(Math.floor(min * 10) / 10, 1)} – ${figure(Math.ceil(max * 10) / 10, 1)}`;
/** @param {number | null | undefined} s */
const milliseconds = (s) => (Number.isFinite(s) ? `${Math.ceil(Number(s) * 1000)} ms` : null);

/** @param {Element} el @param {string} text */
function write(el, text) {
  if (el.textContent !== text) el.textContent = text; // untouched text is not announced again
}
/** Shows `text`, or hides the element when there is none. @param {HTMLElement} el @param {string | null | undefined} text */
function show(el, text) {
  write(el, text ?? "");
  el.hidden = !text;
}
/** @param {string} tag @param {string} text @param {string} [className] */
function make(tag, text, className = "") {
  const el = document.createElement(tag);
  el.className = className;
  el.textContent = text;
  return el;
}
/** Redraws a list only when it changed. @param {HTMLElement} list @param {unknown} content @param {() => Element[]} items */
function fill(list, content, items) {
  const key = JSON.stringify(content);
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(...items());
}
/** @param {ParentNode} root @returns {Record<string, HTMLElement>} */
const fields = (root) =>
  Object.fromEntries([...root.querySelectorAll("[data-f]")].map((el) => [el.getAttribute("data-f"), /** @type {HTMLElement} */ (el)]));

/** A question with a button. @param {string} verb @param {Record<string, string>} asked name → value offered @param {string[]} optional
 *  @param {(answers: Record<string, string>) => void} answer @param {(() => void) | null} cancel */
function form(verb, asked, optional, answer, cancel) {
  const el = document.createElement("form");
  for (const [name, value] of Object.entries(asked)) {
    const label = make("label", name === "by" ? "Your name" : optional.includes(name) ? "Reason (optional)" : "Reason");
    const input = Object.assign(document.createElement("input"), { name, value, required: !optional.includes(name), autocomplete: "off" });
    label.append(input);
    el.append(label);
  }
  el.append(Object.assign(make("button", verb, "primary"), { type: "submit" }));
  if (cancel) el.append(Object.assign(make("button", "Cancel"), { type: "button", onclick: cancel }));
  el.addEventListener("submit", (event) => {
    event.preventDefault();
    answer(Object.fromEntries([...new FormData(el)].map(([name, value]) => [name, String(value).trim()])));
  });
  return el;
}

/** What went wrong with a request, in the controller's words. @param {string} url @param {object} body @returns {Promise<string | null>} */
async function post(url, body) {
  try {
    const answer = await fetch(url, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal: AbortSignal.timeout(5000),
    });
    if (answer.ok) return null;
    const problem = await answer.json().catch(() => ({}));
    const reasons = (problem.problems ?? []).map((/** @type {{text?: string, remedy?: string}} */ p) => [p.text, p.remedy].filter(Boolean).join(" "));
    return [problem.title ?? `Refused (${answer.status})`, problem.detail, ...reasons].filter(Boolean).join(". ");
  } catch {
    return "The controller did not answer. Nothing is known to have changed.";
  }
}

/** One attempt to stop everything: no body and no header of our own, so no browser asks for leave first (CORS preflight).
 *  @param {string} base @returns {Promise<Latch | null>} the latch, or null when the stop is not confirmed */
async function stopOnce(base) {
  try {
    const answer = await fetch(`${base}/v1/stop`, { method: "POST", keepalive: true, priority: "high", signal: AbortSignal.timeout(STOP_ATTEMPT_MS) });
    const { latched, evidence } = answer.ok ? await answer.json() : {};
    return latched ? { ...latched, evidence: evidence ?? latched.evidence } : null;
  } catch {
    return null;
  }
}

/** How old the controller's data is, by the controller's own clock: silent, late and repeated events all age alike. */
class DataClock {
  #offset = Infinity; // ours minus theirs, from the quickest delivery so far
  #at = NaN;
  #heard = 0;
  #wall = 0;

  /** For a new stream; a controller that repeats itself stays old. */
  reset() {
    this.#offset = Infinity;
  }
  /** @param {number} at_s */
  heard(at_s) {
    const now = now_s();
    this.#wall = Date.now();
    if (at_s !== this.#at) this.#offset = Math.min(this.#offset + (now - this.#heard) * CLOCK_DRIFT, now - at_s);
    [this.#at, this.#heard] = [at_s, now];
  }
  /** Seconds; infinite when unknown. @param {number | null | undefined} at_s */
  age(at_s) {
    if (!Number.isFinite(at_s) || !Number.isFinite(this.#offset)) return Infinity;
    const wall = Math.abs(Date.now() - this.#wall) / 1000; // the other clock may have stood still while the computer slept
    return Math.max(now_s() - this.#offset - Number(at_s), wall > STALE_AFTER_S ? wall : 0);
  }
}

/** Two curves over one time axis that ends now: what is missing shows as a gap.
 *  @param {Card} card @param {number} now the controller's clock, s */
function plot({ f, trace, lamp }, now) {
  const canvas = /** @type {HTMLCanvasElement} */ (f.plot);
  const [width, height, ratio] = [canvas.clientWidth, canvas.clientHeight, window.devicePixelRatio || 1];
  if (!width || !height) return;
  if (canvas.width !== Math.round(width * ratio)) [canvas.width, canvas.height] = [width * ratio, height * ratio].map(Math.round);
  const g = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  const ink = getComputedStyle(f.ink);
  g.font = `12px ${ink.fontFamily}`;
  g.textAlign = "right";
  g.textBaseline = "middle";
  const x = (/** @type {number} */ t) => width - 4 - ((now - t) / PLOT_SPAN_S) * (width - 40);
  /** @param {"irradiance" | "skin"} key @param {string} colour @param {[number, number]} range @param {number} top @param {number} bottom @param {number | null} wanted */
  const pane = (key, colour, [low, high], top, bottom, wanted) => {
    const y = (/** @type {number} */ v) => bottom - ((Math.min(high, Math.max(low, v)) - low) / (high - low)) * (bottom - top);
    const rule = (/** @type {number} */ v, /** @type {number[]} */ dash, /** @type {number} */ alpha) => {
      g.globalAlpha = alpha;
      g.setLineDash(dash);
      g.beginPath();
      g.moveTo(36, y(v));
      g.lineTo(width - 4, y(v));
      g.stroke();
    };
    [g.lineWidth, g.strokeStyle, g.fillStyle] = [1, ink.color, ink.color];
    for (const v of [low, (low + high) / 2, high]) {
      rule(v, [], 0.22);
      g.globalAlpha = 1;
      g.fillText(String(Math.round(v * 10) / 10), 30, y(v));
    }
    g.strokeStyle = colour;
    if (wanted !== null) rule(wanted, [5, 5], 0.8);
    [g.globalAlpha, g.lineWidth, g.lineJoin] = [1, 2.25, "round"];
    g.setLineDash([]);
    g.beginPath();
    let last = -Infinity;
    for (const { t, [key]: v } of trace) {
      if (v === null) continue;
      t - last > STALE_AFTER_S ? g.moveTo(x(t), y(v)) : g.lineTo(x(t), y(v));
      last = t;
    }
    g.stroke();
  };
  const of = (/** @type {"irradiance" | "skin"} */ key) => trace.flatMap((s) => s[key] ?? []);
  const wanted = lamp.session?.order.irradiance_mw_cm2 ?? null;
  const top = Math.ceil((Math.max(10, (wanted ?? 0) * 1.1, ...of("irradiance")) * 1.02) / 20) * 20;
  const half = height / 2;
  pane("irradiance", getComputedStyle(f.inkIrradiance).color, [0, top], 10, half - 9, wanted);
  pane("skin", getComputedStyle(f.inkSkin).color, [Math.min(30, ...of("skin")), Math.max(44, ...of("skin"))], half + 9, height - 10, null);
}

class LampPanel extends HTMLElement {
  static observedAttributes = ["src", "lamp"];

  /** @type {Record<string, HTMLElement>} */ #f = {};
  /** @type {Map<string, Card>} */ #cards = new Map();
  /** @type {Alarm[]} */ #alarms = [];
  /** @type {Snapshot | null} */ #live = null;
  /** @type {Latch | null} */ #latch = null;
  /** @type {EventSource | null} */ #source = null;
  /** @type {{latchBefore: string | null, failures: number, confirmed: boolean} | null} */ #stopping = null;
  #clock = new DataClock();
  #timer = 0;
  #pressed_s = -Infinity;
  #answered_s = -Infinity;
  #connected_s = 0;
  #heardAt = "";
  #stationKnown = false;

  get #base() {
    return (this.getAttribute("src") ?? "").replace(/\/+$/, "");
  }

  connectedCallback() {
    if (!this.shadowRoot) this.#build();
    window.addEventListener("keydown", this.#onKey, true);
    document.addEventListener("visibilitychange", this.#onVisibility);
    this.#timer = window.setInterval(() => this.#tick(), TICK_MS);
    this.#connect();
  }

  disconnectedCallback() {
    window.removeEventListener("keydown", this.#onKey, true);
    document.removeEventListener("visibilitychange", this.#onVisibility);
    window.clearInterval(this.#timer);
    this.#source?.close(); // a stop that is not confirmed yet goes on trying
  }

  attributeChangedCallback() {
    if (!this.isConnected || !this.shadowRoot) return;
    [this.#live, this.#latch, this.#alarms] = [null, null, []];
    this.#connect();
  }

  #build() {
    const root = this.attachShadow({ mode: "open" });
    root.innerHTML = PANEL;
    this.#f = fields(root);
    for (const press of ["pointerdown", "click"]) this.#f.stop.addEventListener(press, () => void this.#stop());
    /** @type {HTMLLinkElement} */ (root.querySelector("link")).href = new URL("lamp-panel.css", import.meta.url).href;
    this.#f.clear.append(form("Clear the stop", { by: this.getAttribute("by") ?? "", reason: "" }, [], (answers) => void this.#clear(answers), null));
    this.#f.clear.append(make("p", "", "said"));
  }

  // ── stop ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Asks until the controller confirms; never gives up, because giving up would look like success. */
  async #stop() {
    if (this.#stopping || now_s() - this.#pressed_s < PRESS_MS / 1000) return;
    const base = this.#base;
    const press = (this.#stopping = { latchBefore: this.#latch?.at ?? null, failures: 0, confirmed: false });
    this.#pressed_s = now_s();
    let attempt = stopOnce(base); // under way before anything is drawn
    for (;;) {
      this.#render();
      const latch = await attempt;
      if (latch) [this.#latch, this.#answered_s, press.confirmed] = [latch, now_s(), true];
      if (press.confirmed) break;
      press.failures += 1;
      this.#render();
      await new Promise((wake) => setTimeout(wake, STOP_RETRY_MS));
      attempt = stopOnce(base);
    }
    this.#stopping = null;
    this.#render();
  }

  /** @param {Record<string, string>} answers */
  async #clear(answers) {
    show(/** @type {HTMLElement} */ (this.#f.clear.lastElementChild), await post(`${this.#base}/v1/clear`, answers));
  }

  #onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape" && !event.isComposing) void this.#stop();
  };

  // ── data ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A browser keeps about six connections to one origin: a stream per forgotten tab would leave none for STOP. */
  #onVisibility = () => {
    if (document.hidden) this.#source?.close();
    else this.#connect();
    this.#tick();
  };

  #connect() {
    this.#source?.close();
    this.#connected_s = now_s();
    this.#stationKnown = false;
    const source = (this.#source = new EventSource(`${this.#base}/v1/stream`));
    source.addEventListener("open", () => {
      this.#clock.reset();
      void this.#loadStation();
    });
    source.addEventListener("live", (event) => this.#onLive(JSON.parse(event.data)));
    source.addEventListener("journal", (event) => this.#onJournal(JSON.parse(event.data)));
  }

  async #loadStation() {
    try {
      const answer = await fetch(`${this.#base}/v1/station`, { cache: "no-store", signal: AbortSignal.timeout(3000) });
      const station = await answer.json();
      if (!answer.ok) return;
      this.#stationKnown = true;
      write(this.#f.station, station.station);
      this.#f.simulated.hidden = !station.simulated;
      if (station.notice) write(this.#f.notice, station.notice);
    } catch {
      // asked again with the next reconnection; until then nothing claims to be simulated
    }
  }

  /** @param {Snapshot} live */
  #onLive(live) {
    this.#clock.heard(live.at_s);
    [this.#live, this.#heardAt] = [live, clock()];
    // An event that left before the stop was answered must not take the latch off the screen again.
    if (live.latched || now_s() - this.#answered_s > 1) this.#latch = live.latched;
    if (this.#stopping && live.latched && live.latched.at !== this.#stopping.latchBefore) this.#stopping.confirmed = true;
    this.#render();
    for (const card of this.#cards.values()) this.#remember(card);
  }

  /** @param {Card} card */
  #remember({ trace, lamp: { live } }) {
    const last = trace.at(-1);
    if (!Number.isFinite(live.at_s) || live.at_s === last?.t) return;
    if (last && live.at_s < last.t) trace.length = 0; // another controller, another clock
    trace.push({ t: live.at_s, irradiance: live.irradiance_mw_cm2, skin: live.skin_c });
    while (trace[0].t < live.at_s - PLOT_SPAN_S) trace.shift();
  }

  /** @param {{event: string, at: string} & Record<string, any>} event */
  #onJournal(event) {
    if (event.event === "controller.started") void this.#loadStation();
    if (event.event === "session.ordered") this.#alarms = this.#alarms.filter((alarm) => alarm.lamp !== event.lamp);
    if (event.event === "alarm") {
      const alarm = /** @type {Alarm} */ (/** @type {unknown} */ (event));
      const others = this.#alarms.filter((a) => a.lamp !== alarm.lamp || a.hazard !== alarm.hazard);
      const rank = (/** @type {Alarm} */ a) => PRIORITIES.indexOf(a.priority);
      this.#alarms = [alarm, ...others].sort((a, b) => rank(a) - rank(b)).slice(0, ALARMS_SHOWN);
    }
    this.#render();
  }

  // ── view ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #tick() {
    const stale = this.#clock.age(this.#live?.at_s) > STALE_AFTER_S;
    const silent_s = Math.min(now_s() - this.#connected_s, this.#clock.age(this.#live?.at_s));
    const patience_s = this.#source?.readyState === EventSource.CONNECTING ? 4 * RECONNECT_AFTER_S : RECONNECT_AFTER_S;
    if (!document.hidden && stale && silent_s > patience_s) this.#connect();
    if (!stale && !this.#stationKnown && now_s() - this.#connected_s > 2) this.#connect();
    this.#render();
    for (const card of this.#cards.values()) plot(card, card.lamp.live.at_s + Math.min(this.#clock.age(card.lamp.live.at_s), PLOT_SPAN_S));
  }

  /** A fault in drawing must never reach STOP, and must be seen. */
  #render() {
    try {
      this.#draw();
    } catch (error) {
      console.error(error);
      this.toggleAttribute("stale", true);
      show(this.#f.old, "This display has a fault: do not trust its figures. Watch the lamp.");
    }
  }

  #draw() {
    const stale = this.#clock.age(this.#live?.at_s) > STALE_AFTER_S;
    this.toggleAttribute("stale", stale);
    const since = this.#live ? `No live data since ${this.#heardAt}. These figures are old: watch the lamp.` : "No live data yet: connecting to the controller.";
    show(this.#f.old, stale ? since : null);
    const { failures } = this.#stopping ?? { failures: 0 };
    show(this.#f.shout, failures ? "STOP NOT CONFIRMED — use the lamp’s own switch" : null);
    write(this.#f.stopNote, failures ? `trying again (${failures + 1})` : this.#stopping ? "sending…" : "all lamps · Esc");
    this.toggleAttribute("stopping", !!this.#stopping);
    this.#drawLatch(stale);
    this.#drawAlarms();
    const only = this.getAttribute("lamp");
    const lamps = (this.#live?.lamps ?? []).filter((lamp) => !only || lamp.name === only);
    show(this.#f.none, this.#live && !lamps.length ? (only ? `There is no lamp “${only}” at this station.` : "This station has no lamps.") : null);
    for (const [name, card] of this.#cards) {
      if (lamps.some((lamp) => lamp.name === name)) continue;
      card.root.remove();
      this.#cards.delete(name);
    }
    for (const lamp of lamps) this.#drawCard(lamp, stale);
  }

  /** @param {boolean} stale */
  #drawLatch(stale) {
    const latch = this.#latch;
    this.#f.latch.hidden = !latch;
    if (!latch) return;
    write(this.#f.latchTitle, `Stopped at ${clock(new Date(latch.at))}`);
    write(this.#f.latchWhy, [`By ${latch.by || "somebody"}`, latch.reason, "No lamp can start until a named person clears this."].filter(Boolean).join(" · "));
    const names = [...new Set([...(this.#live?.lamps ?? []).map((lamp) => lamp.name), ...Object.keys(latch.evidence ?? {})])];
    const title = (/** @type {string} */ name) => this.#live?.lamps.find((lamp) => lamp.name === name)?.title ?? name;
    fill(this.#f.evidence, [names, latch.evidence, names.map(title)], () => names.map((name) => {
      const row = document.createElement("tr");
      const seen = latch.evidence?.[name];
      row.append(make("th", title(name)));
      for (const [s, missing] of /** @type {const} */ ([[seen?.off_sent_s, "✕ not sent"], [seen?.acknowledged_s, "– no"], [seen?.verified_dark_s, "✕ not verified"]]))
        row.append(make("td", milliseconds(s) ? `✓ ${milliseconds(s)}` : missing, milliseconds(s) ? "yes" : "no"));
      if (seen) row.children[1].append(make("small", ` by ${seen.by}`));
      return row;
    }));
    const doubtful = names.filter((name) => !milliseconds(latch.evidence?.[name]?.verified_dark_s)).map(title);
    show(this.#f.look, doubtful.length ? `Not verified dark: ${doubtful.join(", ")}. Look at the lamp; if it glows, use its own switch.` : null);
    /** @type {HTMLButtonElement} */ (this.#f.clear.querySelector("button")).disabled = stale;
  }

  #drawAlarms() {
    const titles = new Map(this.#live?.lamps.map((lamp) => [lamp.name, lamp.title]));
    const only = this.getAttribute("lamp");
    const alarms = this.#alarms.filter((alarm) => !only || !alarm.lamp || alarm.lamp === only);
    fill(this.#f.alarms, [alarms, ...titles], () => alarms.map((alarm) => {
      const item = make("li", "", alarm.priority);
      const text = make("p", alarm.lamp ? `${titles.get(alarm.lamp) ?? alarm.lamp}: ${alarm.text}` : alarm.text);
      text.append(make("small", [alarm.remedy, `${alarm.priority} priority, ${clock(new Date(alarm.at))}`].filter(Boolean).join(" · ")));
      const seen = () => {
        this.#alarms = this.#alarms.filter((other) => other !== alarm);
        this.#render();
      };
      item.append(make("i", "!"), text, Object.assign(make("button", "Seen"), { type: "button", onclick: seen }));
      return item;
    }));
  }

  /** @param {Lamp} lamp @returns {Card} */
  #card(lamp) {
    const root = Object.assign(document.createElement("article"), { innerHTML: CARD });
    const card = { root, f: fields(root), trace: [], lamp };
    const ask = (/** @type {string} */ verb, /** @type {string} */ action, /** @type {Record<string, string>} */ asked) => {
      const close = () => card.f.form.replaceChildren();
      card.f.form.replaceChildren(form(verb, asked, ["reason"], (answers) => (close(), void this.#act(card, action, answers)), close));
      card.f.form.querySelector("input")?.focus();
    };
    const by = () => this.getAttribute("by") ?? "";
    // Less light needs no name; more light does.
    card.f.pause.addEventListener("click", () => void this.#act(card, "pause", { by: by() || "status page" }));
    card.f.end.addEventListener("click", () => ask("End this treatment", "end", { reason: "" }));
    card.f.resume.addEventListener("click", () => ask("Resume emission", "resume", { by: by() }));
    this.#f.cards.append(root);
    this.#cards.set(lamp.name, card);
    return card;
  }

  /** @param {Card} card @param {string} action @param {Record<string, string>} answers */
  async #act({ f, lamp }, action, answers) {
    const body = Object.fromEntries(Object.entries({ by: this.getAttribute("by") || "status page", ...answers }).filter(([, value]) => value));
    show(f.said, await post(`${this.#base}/v1/sessions/${encodeURIComponent(lamp.session?.id ?? "")}/${action}`, body));
  }

  /** @param {Lamp} lamp @param {boolean} stale */
  #drawCard(lamp, stale) {
    const card = this.#cards.get(lamp.name) ?? this.#card(lamp);
    card.lamp = lamp;
    const { f, root } = card;
    const { live, session, calibration } = lamp;
    const old = stale || this.#clock.age(live.at_s) > STALE_AFTER_S;
    const running = !!session && !session.outcome;
    const [kind, word] = status(lamp);
    root.className = `${old ? "stale " : ""}${old ? "unknown" : kind} ${session ? "treating" : "idle"}`;
    root.setAttribute("aria-label", lamp.title);
    write(f.title, lamp.title);
    write(f.sub, [session?.order.area, `${lamp.serial}, ${lamp.distance_cm} cm`].filter(Boolean).join(" · "));
    write(f.status, old ? `Unknown (was ${word.toLowerCase()})` : word);
    f.icon.setAttribute("d", ICONS[old ? "unknown" : kind]);
    show(f.reason, old && !stale ? "No fresh reading from this lamp: its figures are old." : (lamp.reason ?? session?.reason));
    fill(f.warnings, session?.warnings ?? [], () => (session?.warnings ?? []).map((text) => make("li", text)));

    f.doseBox.hidden = f.leftBox.hidden = !session;
    if (session) {
      const pct = (/** @type {number} */ dose) => Math.min(110, Math.max(0, (100 * dose) / session.order.fluence_j_cm2)) || 0;
      const [low, high] = [pct(session.fluence_min_j_cm2), pct(session.fluence_max_j_cm2)];
      f.arcBest.style.strokeDasharray = `${pct(session.fluence_j_cm2)} 999`;
      f.arcSpan.style.strokeDasharray = `0 ${low} ${Math.max(0.6, high - low)} 999`;
      write(f.dose, figure(session.fluence_j_cm2, 1));
      write(f.prescribed, figure(session.order.fluence_j_cm2, 1));
      write(f.interval, interval(session.fluence_min_j_cm2, session.fluence_max_j_cm2));
      write(f.left, minutes(session.remaining_s));
      write(f.planned, `of ${minutes(session.planned_s)} planned`);
    }
    write(f.irradiance, figure(live.irradiance_mw_cm2, 0));
    write(f.source, live.irradiance_mw_cm2 === null ? "unknown" : live.irradiance_source === "measured" ? "measured" : "estimated");
    write(f.skin, figure(live.skin_c, 1));
    write(f.level, figure(live.level_pct, 0));
    f.plot.setAttribute("aria-label", `Irradiance ${figure(live.irradiance_mw_cm2, 0)} mW/cm², skin ${figure(live.skin_c, 1)} °C, last 5 minutes`);
    /** @type {[string, boolean | null, string, string][]} */
    const chips = [...Object.entries(live.interlocks).map(([name, closed]) => /** @type {[string, boolean | null, string, string]} */ ([name, closed, "closed", "open"])),
      ["output", live.on, "on", "off"], ["cut-off", live.cutoff_closed, "closed", "open"]];
    fill(f.chips, chips, () => chips.map(([name, value, yes, no], i) => {
      const judged = i < chips.length - 2; // an open interlock is a finding; an output that is off is not
      const mark = value === null ? "? " : !judged ? "" : value ? "✓ " : "✕ ";
      return make("li", `${mark}${name} ${value === null ? "unknown" : value ? yes : no}`, value === null ? "unknown" : judged && !value ? "no" : "");
    }));
    write(f.calibration, calibration ? `Calibration ${calibration.id}, valid until ${calibration.valid_until.slice(0, 10)}` : "✕ No calibration in force");
    f.calibration.classList.toggle("no", !calibration);

    f.pause.hidden = !running || !["warming", "emitting"].includes(session.state);
    f.resume.hidden = !running || session.state !== "paused";
    /** @type {HTMLButtonElement} */ (f.resume).disabled = old;
    f.end.hidden = !running || session.state === "ending";
    f.actions.hidden = !running;
    if (!running) f.form.replaceChildren();
  }
}

/** @param {Lamp} lamp @returns {[keyof typeof ICONS, string]} */
function status({ status, session }) {
  if (status === "fault") return ["fault", "Fault"];
  if (status === "unverified") return ["unknown", "Not verified dark"];
  const state = /** @type {keyof typeof STATES | undefined} */ (session && !session.outcome ? session.state : undefined);
  if (state && state in STATES) return [state, STATES[state]];
  return status === "dark" ? ["dark", "Dark"] : ["checking", "Busy"];
}

customElements.define("irctl-lamp-panel", LampPanel);
