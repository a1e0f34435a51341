// @ts-check
/**
 * `<irctl-lamp-panel>`: what the lamps of one station are doing now, and the button that stops them.
 *
 *   <script type="module" src="http://127.0.0.1:8970/ui/lamp-panel.js"></script>
 *   <irctl-lamp-panel src="http://127.0.0.1:8970" lamp="left" by="okafor" token="…" compact></irctl-lamp-panel>
 *
 * `src`: the controller (default: the page's own origin). `lamp`: only this one (default: all). `by`: the login of who is
 * signed in, and `token` what the clinic gave for it: with both no name is asked for. Without a token `by` is offered
 * where a name is needed, and where the controller wants a sign-in only what takes light away can be pressed.
 * `compact`: under a page's own title. It needs the controller and nobody else. Two rules shape the code: STOP is wired
 * before anything else and depends on nothing else here, and a figure that is not fresh never looks as if it were.
 * Alarms stand here as a plain list; `alarms.js`, loaded after, puts cards with sound and questions in its place.
 *
 * @typedef {"dark" | "busy" | "bench" | "unverified" | "fault"} Status
 * @typedef {{at_s: number, irradiance_mw_cm2: number | null, irradiance_source: "measured" | "calibrated",
 *   skin_c: number | null, level_pct: number | null, on: boolean | null, cutoff_closed: boolean | null,
 *   interlocks: Record<string, boolean | null>}} Live
 * @typedef {{id: string, state: string, outcome: string | null, remaining_s: number | null, planned_s: number,
 *   order: {fluence_j_cm2: number, irradiance_mw_cm2: number, area: string}, fluence_j_cm2: number,
 *   fluence_min_j_cm2: number, fluence_max_j_cm2: number, warnings: string[], reason: string | null}} Session
 * @typedef {{name: string, title: string, status: Status, reason: string | null, serial: string, distance_cm: number,
 *   calibration: {id: string, valid_until: string} | null, session: Session | null, attendance: Attendance | null,
 *   live: Live}} Lamp
 * @typedef {{off_sent_s: number, acknowledged_s: number | null, verified_dark_s: number | null, by: string}} Seen
 * @typedef {{at: string, by: string | null, reason: string | null, evidence: Record<string, Seen> | null}} Latch
 * @typedef {{at_s: number, sign_in: boolean, latched: Latch | null, lamps: Lamp[], alarms: Alarm[],
 *   audio_paused_s: number}} Snapshot
 * @typedef {{id: string, at: string, priority: "high" | "medium" | "low", lamp: string | null, session: string | null,
 *   hazard: string | null, text: string, remedy: string, warns: boolean}} Alarm
 * @typedef {{due_in_s: number, asked: boolean, unanswered_s: number, answer_within_s: number, dimmed: boolean,
 *   dark_after_s: number}} Attendance
 * @typedef {{t: number, irradiance: number | null, skin: number | null}} Sample
 * @typedef {{root: HTMLElement, f: Fields, trace: Sample[], lamp: Lamp, asked: string}} Card
 * @typedef {Record<string, HTMLElement>} Fields
 * @typedef {"known" | "asked" | "barred"} Standing whose name it is: known here, to be asked for, or wanted in vain
 * @typedef {{latchBefore: string | null, failures: number, confirmed: boolean}} Press
 */

const STALE_AFTER_S = 1.5; // six missed events; with one tick more the panel is grey within 2 s
const TICK_MS = 250; // drives the watch when no event comes, and is the fastest the plots are drawn
const STOP_ATTEMPT_MS = 2000; // an unanswered stop is called unconfirmed after this; asking again is harmless
const STOP_RETRY_MS = 500;
const PRESS_S = 1; // one press arrives as two events (pointerdown, click)
const DARK_WAIT_S = 2; // a filament needs a moment; after this, "not verified" is said aloud
const RECONNECT_AFTER_S = 4; // for streams that are open but silent; the browser itself reconnects broken ones
const CLOCK_DRIFT = 1e-3; // s per s: far above real drift between two computers, far below a delay that matters
const PLOT_SPAN_S = 300;

const RAYS = "M12 2v3M12 19v3M2 12h3M19 12h3M4.9 4.9 7 7M17 17l2.1 2.1M4.9 19.1 7 17M17 7l2.1-2.1";
const ICONS = {
  dark: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  checking: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 21 21",
  ready: "M4 12.5l5 5L20 6.5",
  warming: "M7 20c-4-5 3-7 0-13M13 20c-4-5 3-7 0-13M19 20c-4-5 3-7 0-13",
  emitting: `M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z${RAYS}`,
  paused: "M8 5v14M16 5v14",
  ending: "M3 18h18M7 14a5 5 0 0 1 10 0M12 3v6M9 6l3 3 3-3",
  fault: "M12 3 2 20h20zM12 9v5M12 16.8v.4",
  unknown: "M12 2 22 12 12 22 2 12zM9.7 10a2.4 2.4 0 1 1 3.3 2.2c-.7.3-1 .7-1 1.4M12 16.3v.4",
};
const STATES = {
  checking: "Checking",
  ready: "Ready",
  warming: "Warming up",
  emitting: "Emitting",
  paused: "Paused",
  ending: "Ending",
};

const PANEL = `
<link rel="stylesheet">
<section aria-label="Infrared lamps">
  <header>
    <div class="bar">
      <div class="who"><h1 data-f="station">Station</h1>
        <p><b class="simulated" data-f="simulated" hidden>SIMULATED</b>
          <span data-f="notice">Not a certified medical device.</span></p></div>
      <button type="button" class="stop" data-f="stop" aria-label="STOP: all lamps of this station"
        aria-keyshortcuts="Escape"><span>STOP</span><small data-f="stopNote">all lamps · Esc</small></button>
    </div>
    <p class="shout" role="alert" data-f="shout" hidden></p>
    <p class="old" role="alert" data-f="old" hidden></p>
    <slot name="alarms"><div role="alert"><ul class="alarms" data-f="alarms"></ul></div></slot>
  </header>
  <section class="latch" data-f="latch" aria-label="Stop latch" hidden>
    <h2 data-f="latchTitle" role="status"></h2><p data-f="latchWhy"></p>
    <table><thead><tr><th>Lamp<th>Off sent<th>Acknowledged<th>Verified dark</tr></thead>
      <tbody data-f="evidence"></tbody></table>
    <p class="look" data-f="look" role="alert" hidden></p>
    <div data-f="clear"></div>
    <p class="said" role="alert" data-f="clearSaid" hidden></p>
  </section>
  <div class="cards" data-f="cards"></div>
  <p class="none" data-f="none" hidden></p>
</section>`;

// The gauge counts in percent of the prescription and ends at 110 (pathLength), so it needs no trigonometry.
const ARC = `d="M40.6 159.4A84 84 0 1 1 159.4 159.4" pathLength="110"`;
const CARD = `
  <div class="head"><div><h2 data-f="title"></h2><p class="sub" data-f="sub"></p></div>
    <p class="status" role="status"><svg viewBox="0 0 24 24" aria-hidden="true"><path data-f="icon"/></svg>
      <span data-f="status"></span></p></div>
  <p class="reason" role="alert" data-f="reason" hidden></p>
  <div role="alert"><ul class="warnings" data-f="warnings"></ul></div>
  <div class="figures">
    <div class="dose" data-f="doseBox"><svg viewBox="0 0 200 176" aria-hidden="true"><path class="track" ${ARC}/>
      <path class="best" data-f="arcBest" ${ARC}/><path class="span" data-f="arcSpan" ${ARC}/>
      <path class="goal" ${ARC}/></svg>
      <p><b class="v" data-f="dose"></b><span>of <span class="v" data-f="prescribed"></span> J/cm²</span></p>
      <small>delivered <span class="v" data-f="interval"></span></small></div>
    <dl>
      <div data-f="leftBox"><dt>Time left</dt>
        <dd><b class="v" data-f="left"></b><small data-f="planned"></small></dd></div>
      <div><dt>Irradiance</dt>
        <dd><b class="v" data-f="irradiance"></b><small>mW/cm² <span data-f="source"></span></small></dd></div>
      <div><dt>Skin</dt><dd><b class="v" data-f="skin"></b><small>°C</small></dd></div>
      <div><dt>Level</dt><dd><b class="v" data-f="level"></b><small>% of full</small></dd></div>
    </dl>
  </div>
  <figure><canvas data-f="plot" role="img"></canvas>
    <figcaption><span class="irradiance" data-f="inkIrradiance">Irradiance, mW/cm²</span>
      <span class="skin" data-f="inkSkin">Skin, °C</span>
      <span data-f="ink">last 5 minutes, dashed: prescribed</span></figcaption></figure>
  <ul class="chips" data-f="chips" aria-label="Interlocks and output"></ul>
  <p class="calibration"><span data-f="calibration"></span> <span data-f="until"></span></p>
  <div class="actions" data-f="actions"><button type="button" data-f="pause">Pause</button>
    <button type="button" data-f="resume">Resume…</button><button type="button" data-f="end">End…</button></div>
  <p class="sign-in" data-f="signIn" hidden>To resume, sign in at the clinic’s page.</p>
  <div class="ask" data-f="ask"></div>
  <p class="said" role="alert" data-f="said" hidden></p>`;

const now_s = () => performance.now() / 1000;
const clock = (at = new Date()) => at.toTimeString().slice(0, 8);
/** @param {number | null | undefined} x @param {number} digits */
const figure = (x, digits) => (Number.isFinite(x) ? Number(x).toFixed(digits).replace(/^-(?=[0.]+$)/, "") : "–");
/** Minutes and seconds, rounded up: a treatment with half a second to go has not ended. @param {number | null} s */
const minutes = (s) => {
  if (!Number.isFinite(s)) return "–";
  const whole = Math.max(0, Math.ceil(Number(s)));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};
/** Rounded outwards, so that it never looks tighter than it is. @param {number} min @param {number} max */
const interval = (min, max) => `${figure(Math.floor(min * 10) / 10, 1)} – ${figure(Math.ceil(max * 10) / 10, 1)}`;
/** @param {...(string | null | undefined)} parts */
const joined = (...parts) => parts.filter(Boolean).join(" · ");

/** @param {Element} el @param {string} text */
function write(el, text) {
  if (el.textContent !== text) el.textContent = text; // untouched text is not announced again
}
/** Without text the element is hidden. @param {HTMLElement} el @param {string | null | undefined} text */
function show(el, text) {
  write(el, text ?? "");
  el.hidden = !text;
}
/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {object} props @param {...(Node | string)} children
 */
function make(tag, props, ...children) {
  const el = Object.assign(document.createElement(tag), props);
  el.append(...children); // text stays text, whatever it contains
  return el;
}
/**
 * Redraws a list only when its content changed.
 * @param {HTMLElement} list @param {unknown} content @param {() => Node[]} items
 */
function fill(list, content, items) {
  const key = JSON.stringify(content);
  if (list.dataset.key === key) return;
  list.replaceChildren(...items());
  list.dataset.key = key;
}
/** @param {ParentNode} root @returns {Fields} */
function fieldsOf(root) {
  const all = /** @type {HTMLElement[]} */ ([...root.querySelectorAll("[data-f]")]);
  return Object.fromEntries(all.map((el) => [el.dataset.f, el]));
}

/**
 * A question with a button.
 * @param {string} verb @param {Record<string, string>} asked label → value offered; a label that says "optional" is
 * @param {(...answers: string[]) => void} answer @param {() => void} [cancel]
 */
function question(verb, asked, answer, cancel) {
  const inputs = Object.entries(asked).map(([label, value]) =>
    make("input", { ariaLabel: label, value, required: !label.includes("optional"), autocomplete: "off" }));
  const form = make("form", {}, ...inputs.map((input) => make("label", {}, input.ariaLabel ?? "", input)));
  form.append(make("button", { type: "submit", className: "primary" }, verb));
  if (cancel) form.append(make("button", { type: "button", onclick: cancel }, "Cancel"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    answer(...inputs.map((input) => input.value.trim()));
  });
  return form;
}

/**
 * @param {string} url @param {object} body @param {string} token of who is signed in, or ""
 * @returns {Promise<string | null>} what went wrong, in plain words
 */
async function post(url, body, token) {
  try {
    const signed = token ? { Authorization: `Bearer ${token}` } : {};
    const headers = { "Content-Type": "application/json", ...signed };
    const signal = AbortSignal.timeout(5000);
    const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body), signal });
    if (answer.ok) return null;
    /** @type {{title?: string, detail?: string, problems?: {text?: string, remedy?: string}[]}} */
    const problem = await answer.json().catch(() => ({}));
    const reasons = (problem.problems ?? []).map((p) => [p.text, p.remedy].filter(Boolean).join(" "));
    return joined(problem.title ?? `Refused (${answer.status})`, problem.detail, ...reasons);
  } catch {
    return "The controller did not answer. Nothing is known to have changed.";
  }
}

/**
 * One attempt to stop everything. No body and no header of our own, so that no browser asks for leave first (CORS).
 * @param {string} base @returns {Promise<Latch | null>} null: the stop is not confirmed
 */
async function stopOnce(base) {
  try {
    const signal = AbortSignal.timeout(STOP_ATTEMPT_MS);
    const answer = await fetch(`${base}/v1/stop`, { method: "POST", keepalive: true, priority: "high", signal });
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

  /** For a new stream; a controller that only repeats itself stays old. */
  reset() {
    this.#offset = Infinity;
  }
  /** @param {number} at_s */
  heard(at_s) {
    const now = now_s();
    const slack = (now - this.#heard) * CLOCK_DRIFT;
    if (at_s !== this.#at) this.#offset = Math.min(this.#offset + slack, now - at_s);
    [this.#at, this.#heard, this.#wall] = [at_s, now, Date.now()];
  }
  /** Seconds; infinite when unknown. @param {number | null | undefined} at_s */
  age(at_s) {
    if (!Number.isFinite(at_s) || !Number.isFinite(this.#offset)) return Infinity;
    const wall = Math.abs(Date.now() - this.#wall) / 1000; // our own clock may stand still while the computer sleeps
    return Math.max(now_s() - this.#offset - Number(at_s), wall > STALE_AFTER_S ? wall : 0);
  }
}

/**
 * Two curves over one time axis that ends now; what is missing shows as a gap.
 * @param {Card} card @param {number} now the controller's clock, s
 */
function plot({ f, trace, lamp }, now) {
  const canvas = /** @type {HTMLCanvasElement} */ (f.plot);
  const [width, height, ratio] = [canvas.clientWidth, canvas.clientHeight, window.devicePixelRatio || 1];
  const g = canvas.getContext("2d");
  if (!g || !width) return;
  [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  g.scale(ratio, ratio);
  const ink = getComputedStyle(f.ink);
  g.font = `13px ${ink.fontFamily}`;
  [g.textAlign, g.textBaseline, g.lineJoin] = ["right", "middle", "round"];
  const [left, right] = [40, width - 4];
  const x = (/** @type {number} */ t) => right - ((now - t) / PLOT_SPAN_S) * (right - left);
  /**
   * @param {"irradiance" | "skin"} key @param {Element} legend @param {number[]} range @param {number[]} place
   * @param {number} [goal]
   */
  const pane = (key, legend, [low, high], [top, bottom], goal) => {
    const y = (/** @type {number} */ v) => bottom - ((v - low) / (high - low)) * (bottom - top);
    const stroke = (/** @type {string} */ colour, /** @type {number} */ lineWidth, alpha = 1) => {
      [g.strokeStyle, g.lineWidth, g.globalAlpha] = [colour, lineWidth, alpha];
      g.stroke();
      g.globalAlpha = 1;
      g.beginPath();
    };
    g.beginPath();
    g.fillStyle = ink.color;
    for (const v of [low, (low + high) / 2, high]) {
      g.moveTo(left, y(v));
      g.lineTo(right, y(v));
      g.fillText(figure(v, 0), left - 8, y(v));
    }
    stroke(ink.color, 1, 0.25);
    const { color } = getComputedStyle(legend);
    if (goal !== undefined) {
      g.setLineDash([5, 5]);
      g.moveTo(left, y(goal));
      g.lineTo(right, y(goal));
      stroke(color, 1, 0.8);
      g.setLineDash([]);
    }
    let last = -Infinity;
    for (const { t, [key]: v } of trace) {
      if (v === null) continue;
      if (t - last > STALE_AFTER_S) g.moveTo(x(t), y(v));
      else g.lineTo(x(t), y(v));
      last = t;
    }
    stroke(color, 2.25);
  };
  const values = (/** @type {"irradiance" | "skin"} */ key) => trace.flatMap((sample) => sample[key] ?? []);
  const goal = lamp.session?.order.irradiance_mw_cm2;
  const brightest = Math.ceil((1.1 * Math.max(goal ?? 0, 15, ...values("irradiance"))) / 20) * 20;
  const skin = values("skin");
  pane("irradiance", f.inkIrradiance, [0, brightest], [9, height / 2 - 14], goal);
  pane("skin", f.inkSkin, [Math.min(30, ...skin), Math.max(44, ...skin)], [height / 2 + 14, height - 9]);
}

/** @param {Lamp} lamp @returns {[keyof typeof ICONS, string]} */
function state({ status, session }) {
  if (status === "fault") return ["fault", "Fault"];
  if (status === "unverified") return ["unknown", "Not verified dark"];
  if (status === "bench") return ["checking", "On the bench"];
  const known = /** @type {keyof typeof STATES} */ (session && !session.outcome ? session.state : "");
  if (known in STATES) return [known, STATES[known]];
  return status === "dark" ? ["dark", "Dark"] : ["checking", "Busy"];
}

class LampPanel extends HTMLElement {
  static observedAttributes = ["src", "lamp"];

  /** @type {Fields} */ #f = {};
  /** @type {Map<string, Card>} */ #cards = new Map();
  /** @type {Snapshot | null} */ #live = null;
  /** @type {Latch | null} */ #latch = null;
  /** @type {EventSource | null} */ #source = null;
  /** @type {Press | null} */ #stopping = null;
  #clock = new DataClock();
  #timer = 0;
  #pressed_s = -Infinity;
  #answered_s = -Infinity;
  #latchSeen_s = -Infinity;
  #connected_s = -Infinity;
  #stationAsked_s = -Infinity;
  #stationKnown = false;
  #heardAt = "";

  get #base() {
    return (this.getAttribute("src") ?? "").replace(/\/+$/, "");
  }
  get #by() {
    return this.getAttribute("by") ?? "";
  }
  get #token() {
    return this.getAttribute("token") ?? "";
  }
  /** @returns {Standing} */
  get #standing() {
    if (this.#token) return this.#by ? "known" : "asked";
    return this.#live?.sign_in ? "barred" : "asked";
  }
  /** @param {{name?: string | null}} lamp */
  #shows({ name }) {
    const only = this.getAttribute("lamp");
    return !only || !name || name === only;
  }

  connectedCallback() {
    if (!this.shadowRoot) this.#build();
    // Figures without STOP only where another panel has it: never a page without.
    if (this.hasAttribute("figures") && !document.querySelector("irctl-lamp-panel:not([figures])")) {
      this.removeAttribute("figures");
    }
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
    [this.#live, this.#latch] = [null, null];
    this.#connect();
  }

  #build() {
    const root = this.attachShadow({ mode: "open" });
    root.innerHTML = PANEL;
    this.#f = fieldsOf(root);
    for (const press of ["pointerdown", "click"]) this.#f.stop.addEventListener(press, () => void this.#stop());
    /** @type {HTMLLinkElement} */ (root.querySelector("link")).href = new URL("lamp-panel.css", import.meta.url).href;
  }

  /** @param {string} path @param {object} body */
  #post(path, body) {
    return post(`${this.#base}/v1/${path}`, body, this.#token);
  }

  // ── stop ────────────────────────────────────────────────────────────

  /** Asks until the controller confirms. It never gives up: giving up would look like success. */
  async #stop() {
    if (this.#stopping || now_s() - this.#pressed_s < PRESS_S) return;
    const base = this.#base;
    /** @type {Press} */
    const press = (this.#stopping = { latchBefore: this.#latch?.at ?? null, failures: 0, confirmed: false });
    this.#pressed_s = now_s();
    while (!press.confirmed) {
      const attempt = stopOnce(base); // under way before anything is drawn
      this.#render();
      const latch = await attempt;
      if (latch) {
        [this.#answered_s, press.confirmed] = [now_s(), true];
        this.#setLatch(latch);
      } else if (!press.confirmed) {
        press.failures += 1;
        this.#render();
        await new Promise((wake) => setTimeout(wake, STOP_RETRY_MS));
      }
    }
    this.#stopping = null;
    this.#render();
  }

  /** @param {Latch | null} latch */
  #setLatch(latch) {
    const isNew = latch && latch.at !== this.#latch?.at;
    this.#latch = latch;
    if (!isNew) return;
    this.#latchSeen_s = now_s();
    this.#render();
    this.scrollIntoView({ block: "start" }); // the evidence is at the top; the reader may be elsewhere
  }

  #onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape" && !event.isComposing) void this.#stop();
  };

  // ── data ────────────────────────────────────────────────────────────

  /** A browser keeps about six connections to one origin: a stream per forgotten tab would leave none for STOP. */
  #onVisibility = () => {
    if (document.hidden) this.#source?.close();
    else this.#connect();
    this.#tick();
  };

  #connect() {
    this.#source?.close();
    [this.#connected_s, this.#stationKnown] = [now_s(), false];
    const source = (this.#source = new EventSource(`${this.#base}/v1/stream`));
    source.addEventListener("open", () => {
      this.#clock.reset();
      void this.#askStation();
    });
    source.addEventListener("live", (event) => this.#onLive(JSON.parse(event.data)));
    source.addEventListener("journal", (event) => this.#onJournal(JSON.parse(event.data)));
  }

  async #askStation() {
    this.#stationAsked_s = now_s();
    try {
      const answer = await fetch(`${this.#base}/v1/station`, { cache: "no-store", signal: AbortSignal.timeout(3000) });
      const { station, simulated, notice } = await answer.json();
      if (!answer.ok) return;
      this.#stationKnown = true;
      write(this.#f.station, station);
      this.#f.simulated.hidden = !simulated;
      if (notice) write(this.#f.notice, notice);
    } catch {
      // the tick asks again
    }
  }

  /** @param {Snapshot} live */
  #onLive(live) {
    this.#clock.heard(live.at_s);
    [this.#live, this.#heardAt] = [live, clock()];
    // An event that left before the stop was answered must not take the latch off the screen again.
    if (live.latched || now_s() - this.#answered_s > 1) this.#setLatch(live.latched);
    const press = this.#stopping;
    if (press && live.latched && live.latched.at !== press.latchBefore) press.confirmed = true;
    this.#render();
    for (const { trace, lamp } of this.#cards.values()) {
      const { at_s, irradiance_mw_cm2, skin_c } = lamp.live;
      const last = trace.at(-1)?.t ?? -Infinity;
      if (at_s < last) trace.length = 0; // another controller, another clock
      if (at_s !== last) trace.push({ t: at_s, irradiance: irradiance_mw_cm2, skin: skin_c });
      while (trace[0].t < at_s - PLOT_SPAN_S) trace.shift();
    }
    // Others may build on what is heard here; what fails in a listener does not come back to this panel.
    const lamps = live.lamps.filter((lamp) => this.#shows(lamp));
    const alarms = (live.alarms ?? []).filter(({ lamp }) => this.#shows({ name: lamp }));
    const detail = { ...live, lamps, alarms, base: this.#base, by: this.#by, standing: this.#standing };
    this.dispatchEvent(new CustomEvent("irctl-live", { bubbles: true, composed: true, detail }));
  }

  /** @param {{event: string}} event */
  #onJournal(event) {
    if (event.event === "controller.started") void this.#askStation();
    this.#render();
  }

  // ── view ────────────────────────────────────────────────────────────

  #tick() {
    const age_s = this.#clock.age(this.#live?.at_s);
    const waited_s = Math.min(now_s() - this.#connected_s, age_s);
    const patience_s = this.#source?.readyState === EventSource.CONNECTING ? 4 * RECONNECT_AFTER_S : RECONNECT_AFTER_S;
    if (!document.hidden && waited_s > patience_s) this.#connect();
    if (!this.#stationKnown && age_s < STALE_AFTER_S && now_s() - this.#stationAsked_s > 3) void this.#askStation();
    this.#render();
    for (const card of this.#cards.values()) {
      const { at_s } = card.lamp.live;
      plot(card, at_s + Math.min(this.#clock.age(at_s), PLOT_SPAN_S));
    }
  }

  /** A fault in drawing must not reach STOP, and must be seen. */
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
    const old = this.#live
      ? `No live data since ${this.#heardAt}. These figures are old: watch the lamp.`
      : "No live data yet: connecting to the controller.";
    show(this.#f.old, stale ? old : null);
    const press = this.#stopping?.confirmed ? null : this.#stopping;
    const failures = press?.failures ?? 0;
    show(this.#f.shout, failures ? "STOP NOT CONFIRMED — use the lamp’s own switch" : null);
    const sending = failures ? `trying again (${failures + 1})` : "sending…";
    write(this.#f.stopNote, press ? sending : "all lamps · Esc");
    this.#drawLatch(stale);
    this.#drawAlarms();
    const lamps = (this.#live?.lamps ?? []).filter((lamp) => this.#shows(lamp));
    show(this.#f.none, this.#live && !lamps.length ? "There is no such lamp at this station." : null);
    for (const [name, card] of this.#cards) {
      if (lamps.some((lamp) => lamp.name === name)) continue;
      card.root.remove();
      this.#cards.delete(name);
    }
    for (const lamp of lamps) this.#drawCard(this.#cards.get(lamp.name) ?? this.#newCard(lamp), lamp, stale);
  }

  /** @param {string} name */
  #title(name) {
    return this.#live?.lamps.find((lamp) => lamp.name === name)?.title ?? name;
  }

  /** @param {boolean} stale */
  #drawLatch(stale) {
    const latch = this.#latch;
    this.#f.latch.hidden = !latch;
    if (!latch) return;
    const evidence = latch.evidence ?? {};
    const patient = now_s() - this.#latchSeen_s < DARK_WAIT_S;
    write(this.#f.latchTitle, `Stopped at ${clock(new Date(latch.at))}`);
    const rule = "No lamp starts until a named person clears this.";
    write(this.#f.latchWhy, joined(`By ${latch.by || "somebody"}`, latch.reason, rule));
    const names = [...new Set([...(this.#live?.lamps ?? []).map((lamp) => lamp.name), ...Object.keys(evidence)])];
    const rows = names.map((name) => ({ title: this.#title(name), seen: evidence[name] }));
    fill(this.#f.evidence, [rows, patient], () => rows.map(({ title, seen }) => {
      /** @param {number | null | undefined} s @param {string} missing @param {string} [way] */
      const cell = (s, missing, way = "") => Number.isFinite(s)
        ? make("td", { className: "yes" }, `✓ ${Math.ceil(Number(s) * 1000)} ms`, make("small", {}, way))
        : make("td", { className: missing.startsWith("✕") ? "no" : "" }, missing);
      return make("tr", {}, make("th", {}, title), cell(seen?.off_sent_s, "✕ not sent", ` by ${seen?.by}`),
        cell(seen?.acknowledged_s, "– no"), cell(seen?.verified_dark_s, patient ? "… waiting" : "✕ not verified"));
    }));
    const doubtful = rows.filter(({ seen }) => !Number.isFinite(seen?.verified_dark_s));
    const which = doubtful.map(({ title }) => title).join(", ");
    const look = `Not verified dark: ${which}. Look at the lamp; if it glows, use its own switch.`;
    show(this.#f.look, which && !patient ? look : null);
    const standing = this.#standing;
    fill(this.#f.clear, [standing, this.#by], () => [this.#clearing(standing)]);
    const button = this.#f.clear.querySelector("button");
    if (button) button.disabled = stale;
  }

  /** @param {Standing} standing */
  #clearing(standing) {
    if (standing === "barred")
      return make("p", { className: "sign-in" }, "To clear the stop, sign in at the clinic’s page.");
    const clear = async (/** @type {string} */ by, /** @type {string} */ reason) =>
      show(this.#f.clearSaid, await this.#post("clear", { by, reason }));
    if (standing === "known") return question("Clear the stop", { Reason: "" }, (reason) => clear(this.#by, reason));
    return question("Clear the stop", { "Your name": this.#by, Reason: "" }, clear);
  }

  #drawAlarms() {
    const alarms = (this.#live?.alarms ?? []).filter(({ lamp }) => this.#shows({ name: lamp }));
    fill(this.#f.alarms, [alarms, this.#live?.lamps.map((lamp) => lamp.title)], () => alarms.map((alarm) => {
      const text = alarm.lamp ? `${this.#title(alarm.lamp)}: ${alarm.text}` : alarm.text;
      const details = joined(alarm.remedy, `${alarm.priority} priority`, clock(new Date(alarm.at)));
      return make("li", { className: alarm.priority }, make("i", { ariaHidden: "true" }, "!"),
        make("p", {}, text, make("small", {}, details)));
    }));
  }

  /** @param {Lamp} lamp @returns {Card} */
  #newCard(lamp) {
    const root = make("article", { innerHTML: CARD });
    const f = fieldsOf(root);
    /** @type {Card} */
    const card = { root, f, trace: [], lamp, asked: "" };
    const close = () => f.ask.replaceChildren();
    /** @param {string} action @param {string} by @param {string} [reason] */
    const act = async (action, by, reason) => {
      close();
      const session = encodeURIComponent(card.lamp.session?.id ?? "");
      show(f.said, await this.#post(`sessions/${session}/${action}`, reason ? { by, reason } : { by }));
    };
    const ask = (/** @type {HTMLFormElement} */ form) => {
      f.ask.replaceChildren(form);
      form.querySelector(/** @type {"button"} */ ("input, button"))?.focus();
    };
    // Less light needs no name; more light does.
    const anyone = () => this.#by || "status page";
    const end = (/** @type {string} */ reason) => void act("end", anyone(), reason);
    const resume = (/** @type {string} */ by = this.#by) => void act("resume", by);
    f.pause.addEventListener("click", () => void act("pause", anyone()));
    f.end.addEventListener("click", () => ask(question("End this treatment", { "Reason (optional)": "" }, end, close)));
    const who = () => (this.#standing === "known" ? {} : { "Your name": this.#by });
    f.resume.addEventListener("click", () => ask(question("Resume emission", who(), resume, close)));
    this.#f.cards.append(root);
    this.#cards.set(lamp.name, card);
    return card;
  }

  /** @param {Card} card @param {Lamp} lamp @param {boolean} stale */
  #drawCard(card, lamp, stale) {
    card.lamp = lamp;
    const { f, root } = card;
    const { live, session, calibration } = lamp;
    const old = stale || this.#clock.age(live.at_s) > STALE_AFTER_S;
    const [kind, word] = state(lamp);
    root.className = `${old ? "stale unknown" : kind} ${session ? "treating" : "idle"}`;
    root.setAttribute("aria-label", lamp.title);
    write(f.title, lamp.title);
    write(f.sub, joined(session?.order.area, `${lamp.serial}, ${lamp.distance_cm} cm`));
    write(f.status, old ? `Unknown (was ${word.toLowerCase()})` : word);
    f.icon.setAttribute("d", ICONS[old ? "unknown" : kind]);
    const silent = old && !stale ? "No fresh reading from this lamp: its figures are old." : null;
    show(f.reason, silent ?? lamp.reason ?? session?.reason);
    const warnings = session?.warnings ?? [];
    fill(f.warnings, warnings, () => warnings.map((text) => make("li", {}, text)));
    if (session) this.#drawDose(f, session);
    f.doseBox.hidden = f.leftBox.hidden = !session;
    write(f.irradiance, figure(live.irradiance_mw_cm2, 0));
    const source = live.irradiance_source === "measured" ? "measured" : "estimated";
    write(f.source, live.irradiance_mw_cm2 === null ? "unknown" : source);
    write(f.skin, figure(live.skin_c, 1));
    write(f.level, figure(live.level_pct, 0));
    f.plot.setAttribute("aria-label", "Irradiance and skin temperature over the last 5 minutes");
    this.#drawChips(f, live);
    write(f.calibration, calibration ? `Calibration ${calibration.id},` : "✕ No calibration in force");
    write(f.until, calibration ? `valid until ${calibration.valid_until.slice(0, 10)}` : "");
    f.calibration.classList.toggle("no", !calibration);
    this.#drawActions(card, session, old);
  }

  /** @param {Fields} f @param {Session} session */
  #drawDose(f, session) {
    const prescribed = session.order.fluence_j_cm2;
    const pct = (/** @type {number} */ dose) => Math.min(110, Math.max(0, (100 * dose) / prescribed)) || 0;
    const [low, high] = [pct(session.fluence_min_j_cm2), pct(session.fluence_max_j_cm2)];
    f.arcBest.style.strokeDasharray = `${pct(session.fluence_j_cm2)} 999`;
    f.arcSpan.style.strokeDasharray = `0 ${low} ${Math.max(0.6, high - low)} 999`;
    write(f.dose, figure(session.fluence_j_cm2, 1));
    write(f.prescribed, figure(prescribed, 1));
    write(f.interval, interval(session.fluence_min_j_cm2, session.fluence_max_j_cm2));
    write(f.left, minutes(session.remaining_s));
    write(f.planned, session.outcome ?? `of ${minutes(session.planned_s)} planned`);
  }

  /** @param {Fields} f @param {Live} live */
  #drawChips(f, live) {
    /** @param {string} name @param {boolean | null} value @param {string[]} words @param {string[]} marks */
    const chip = (name, value, words, marks) => {
      if (value === null) return { text: `? ${name} unknown`, className: "no" };
      const i = value ? 0 : 1;
      return { text: `${marks[i] ?? ""} ${name} ${words[i]}`.trim(), className: i && marks[i] ? "no" : "" };
    };
    const contact = ["closed", "open"];
    const interlocks = Object.entries(live.interlocks);
    const chips = [
      ...interlocks.map(([name, closed]) => chip(name.replaceAll("-", " "), closed, contact, ["✓", "✕"])),
      chip("output", live.on, ["on", "off"], []), // off is no finding
      chip("cut-off", live.cutoff_closed, contact, []),
    ];
    fill(f.chips, chips, () => chips.map(({ text, className }) => make("li", { className }, text)));
  }

  /** @param {Card} card @param {Session | null} session @param {boolean} old */
  #drawActions(card, session, old) {
    const { f } = card;
    const now = session && !session.outcome ? session.state : "";
    f.actions.hidden = !now;
    f.pause.hidden = now !== "warming" && now !== "emitting";
    const barred = this.#standing === "barred";
    f.resume.hidden = now !== "paused" || barred;
    f.signIn.hidden = now !== "paused" || !barred;
    f.end.hidden = now === "ending";
    /** @type {HTMLButtonElement} */ (f.resume).disabled = old; // more light only in full view
    const asked = `${session?.id} ${now} ${this.#standing}`;
    if (card.asked !== asked) f.ask.replaceChildren(); // a question about something that is over
    card.asked = asked;
  }
}

customElements.define("irctl-lamp-panel", LampPanel);

export { clock, fieldsOf, fill, joined, make, minutes, now_s, post, show, write };
