// @ts-check
/**
 * `<irctl-alarms>`: the station's open alarms with their sound, and the question whether somebody is there.
 *
 *   <script type="module" src="http://127.0.0.1:8970/ui/alarms.js"></script>
 *
 * It puts itself into every `<irctl-lamp-panel>` that speaks, under STOP, in the place of the panel's own plain list.
 * It only listens to the panel: whatever goes wrong here, STOP and the figures go on, and the plain list comes back.
 *
 * @typedef {import("./lamp-panel.js").Alarm} Alarm
 * @typedef {import("./lamp-panel.js").Lamp} Lamp
 * @typedef {import("./lamp-panel.js").Standing} Standing
 * @typedef {import("./lamp-panel.js").Snapshot & {base: string, by: string, standing: Standing}} Heard
 * @typedef {Alarm["priority"]} Priority
 * @typedef {Record<string, HTMLElement>} Fields
 * @typedef {{root: HTMLElement, f: Fields}} Part
 */
import { clock, fieldsOf, joined, make, minutes, now_s, post, show, write } from "./lamp-panel.js";

const TICK_MS = 250; // countdowns and sound run on while no event comes
const STEADY_S = 0.4; // what has just moved under a finger is not what the finger meant
const NAME_KEPT_AS = "irctl-by";
const SIGNS = { high: "!!!", medium: "!!", low: "!" };
const COMFORT = { comfortable: "Comfortable", warm: "Warm", "too-hot": "Too hot" };

/**
 * After IEC 60601-1-8. The flash rates (alarms.css) are the only checked facts; numbers of pulses, their length, pitch
 * and repetition are from memory: compare with the standard before anybody relies on them.
 * `at_s`: when each pulse of a burst begins. `every_s`: from the beginning of one burst to the next.
 * @type {Record<Priority, {at_s: number[], pulse_s: number, hz: number, every_s: number}>}
 */
const BURSTS = {
  high: { at_s: [0, 0.22, 0.44, 0.78, 1, 1.6, 1.82, 2.04, 2.38, 2.6], pulse_s: 0.15, hz: 660, every_s: 6 },
  medium: { at_s: [0, 0.4, 0.8], pulse_s: 0.2, hz: 520, every_s: 10 },
  low: { at_s: [0], pulse_s: 0.2, hz: 400, every_s: 30 },
};
const LOUDEST_FIRST = /** @type {Priority[]} */ (Object.keys(BURSTS));
const HARMONICS = [1, 2, 3, 4]; // several partials: a pure tone is hard to hear in noise and to locate
const PARTIAL_GAIN = 0.12;
const EDGE_S = 0.02; // rise and fall of a pulse: without them it clicks

/** One voice for the page, however many panels stand on it. */
class Sound {
  /** @type {AudioContext | null} */ #context = null;
  /** @type {GainNode | null} */ #burst = null;
  /** @type {Map<object, Priority>} */ #wanted = new Map();
  /** @type {Priority | undefined} */ #playing;
  #next_s = 0;

  constructor() {
    // Browsers keep a page silent until somebody has touched it.
    for (const touch of ["pointerdown", "keydown"]) window.addEventListener(touch, () => this.allow(), true);
    this.#open();
  }

  #open() {
    try {
      this.#context ??= new AudioContext();
    } catch {
      // no sound on this computer: `forbidden` says so
    }
  }
  allow() {
    this.#open();
    if (this.#context?.state !== "running") this.#context?.resume().catch(() => {});
  }
  get forbidden() {
    return this.#context?.state !== "running";
  }

  /** The most urgent of all that is wanted is heard. @param {object} owner @param {Priority | undefined} priority */
  want(owner, priority) {
    if (priority) this.#wanted.set(owner, priority);
    else this.#wanted.delete(owner);
    const asked = [...this.#wanted.values()];
    this.#play(LOUDEST_FIRST.find((one) => asked.includes(one)));
  }

  /** @param {Priority | undefined} priority */
  #play(priority) {
    const context = this.#context;
    if (!context || context.state !== "running") return;
    if (priority !== this.#playing) {
      this.#burst?.disconnect(); // silence means now
      [this.#playing, this.#next_s] = [priority, 0];
    }
    if (!priority || context.currentTime < this.#next_s) return;
    const { at_s, pulse_s, hz, every_s } = BURSTS[priority];
    const burst = (this.#burst = context.createGain());
    burst.connect(context.destination);
    for (const at of at_s) pulse(context, burst, context.currentTime + 0.05 + at, pulse_s, hz);
    this.#next_s = context.currentTime + every_s;
  }
}

/**
 * @param {AudioContext} context @param {AudioNode} to
 * @param {number} at_s @param {number} long_s @param {number} hz
 */
function pulse(context, to, at_s, long_s, hz) {
  const gain = context.createGain();
  gain.connect(to);
  gain.gain.setValueAtTime(0, at_s);
  gain.gain.linearRampToValueAtTime(PARTIAL_GAIN, at_s + EDGE_S);
  gain.gain.setValueAtTime(PARTIAL_GAIN, at_s + long_s - EDGE_S);
  gain.gain.linearRampToValueAtTime(0, at_s + long_s);
  for (const n of HARMONICS) {
    const tone = new OscillatorNode(context, { frequency: n * hz });
    tone.connect(gain);
    tone.start(at_s);
    tone.stop(at_s + long_s);
  }
}

/** A name lasts as long as the tab: the next person at this screen opens it anew. @param {string} [name] */
function keptName(name) {
  try {
    if (name !== undefined) sessionStorage.setItem(NAME_KEPT_AS, name);
    return sessionStorage.getItem(NAME_KEPT_AS) ?? "";
  } catch {
    return ""; // storage is switched off: the field still works
  }
}

const SHELL = `
<link rel="stylesheet">
<div class="news">
  <div role="alert"><ul data-f="cards" aria-label="Alarms"></ul></div>
  <div data-f="questions"></div>
</div>
<p class="said" role="alert" data-f="said" hidden></p>
<p class="sign-in" data-f="signIn" hidden>To acknowledge and to answer, sign in at the clinic’s page.</p>
<div class="desk">
  <label data-f="who" hidden>Your name<input data-f="name" autocomplete="off" maxlength="200"></label>
  <button type="button" data-f="silence" hidden>Silence 2 min</button>
  <button type="button" class="hint" data-f="hint" hidden>No alarm sound yet: touch here</button>
</div>`;

const QUESTION = `
  <div role="alert"><h2 data-f="title"></h2></div>
  <p class="left"><span data-f="next"></span><b data-f="left"></b><span data-f="then"></span></p>
  <div class="answers" data-f="answers"></div>`;

class AlarmDesk extends HTMLElement {
  /** @type {Fields} */ #f = {};
  /** @type {Heard | null} */ #heard = null;
  /** @type {Map<string, Part>} */ #cards = new Map();
  /** @type {Map<string, Part>} */ #questions = new Map();
  #heard_s = 0;
  #moved_s = -Infinity;
  #timer = 0;
  /** @type {string | null} */ #signedIn = null;

  connectedCallback() {
    if (!this.shadowRoot) this.#build();
    this.#timer = window.setInterval(() => this.#render(), TICK_MS);
  }
  disconnectedCallback() {
    window.clearInterval(this.#timer);
    sound.want(this, undefined);
  }

  #build() {
    const root = this.attachShadow({ mode: "open" });
    root.innerHTML = SHELL;
    this.#f = fieldsOf(root);
    /** @type {HTMLLinkElement} */ (root.querySelector("link")).href = new URL("alarms.css", import.meta.url).href;
    this.#f.silence.addEventListener("click", () => {
      const anybody = this.#heard?.standing === "barred" ? "status page" : "";
      void this.#act("alarms/audio-pause", {}, anybody);
    });
    this.#f.hint.addEventListener("click", () => sound.allow());
    this.#name.addEventListener("input", () => {
      keptName(this.#name.value.trim());
      show(this.#f.said, null);
    });
  }

  get #name() {
    return /** @type {HTMLInputElement} */ (this.#f.name);
  }

  /** @param {Heard} heard */
  hear(heard) {
    [this.#heard, this.#heard_s] = [heard, now_s()];
    if (heard.by !== this.#signedIn) this.#name.value = heard.by || keptName();
    this.#signedIn = heard.by;
    this.#render();
  }

  /**
   * What goes into the record goes there in somebody's name.
   * @param {string} path @param {object} [body] @param {string} [nameless] who it was, where no name is needed
   */
  async #act(path, body = {}, nameless = "") {
    const known = this.#heard?.standing === "known";
    const by = (known ? this.#heard?.by : this.#name.value.trim()) || nameless;
    if (!by) {
      show(this.#f.said, "First your name: it goes into the record. Then press again.");
      this.#name.focus();
      return;
    }
    const token = this.closest("irctl-lamp-panel")?.getAttribute("token") ?? "";
    show(this.#f.said, await post(`${this.#heard?.base ?? ""}/v1/${path}`, { by, ...body }, token));
  }

  /** Whether what is pressed has been there long enough to be meant. */
  #meant() {
    const meant = now_s() - this.#moved_s > STEADY_S;
    if (!meant) show(this.#f.said, "This has just changed: look again, then press.");
    return meant;
  }

  /** With a fault in here the panel's plain list is shown instead. */
  #render() {
    try {
      this.#draw();
      this.slot = "alarms";
    } catch (error) {
      console.error(error);
      this.slot = "faulty";
    }
  }

  #draw() {
    const heard = this.#heard;
    if (!heard) return;
    const silent_s = heard.audio_paused_s - (now_s() - this.#heard_s);
    const asking = heard.lamps.filter(({ attendance }) => attendance?.asked);
    this.#drawCards(heard.alarms);
    this.#drawQuestions(asking);
    const silent = silent_s > 0;
    const anything = heard.alarms.length > 0 || asking.length > 0;
    const barred = heard.standing === "barred";
    this.toggleAttribute("barred", barred); // hides what would be refused
    this.#f.signIn.hidden = !anything || !barred;
    this.#f.who.hidden = !anything || heard.standing !== "asked";
    this.#f.silence.hidden = !anything && !silent;
    write(this.#f.silence, silent ? `Silent for ${minutes(silent_s)}` : "Silence 2 min");
    /** @type {HTMLButtonElement} */ (this.#f.silence).disabled = silent;
    if (!anything) show(this.#f.said, null);
    // Under a bar any touch of the page allows the sound: the hint is worth its place only when there is something to hear.
    const bar = this.closest("irctl-lamp-panel")?.hasAttribute("bar") ?? false;
    this.toggleAttribute("bar", bar);
    this.#f.hint.hidden = !sound.forbidden || (bar && !anything);
    // A question that waits is no alarm yet: one soft call. Unanswered, the controller makes it an alarm.
    const urgent = heard.alarms[0]?.priority ?? (asking.length ? "low" : undefined);
    sound.want(this, silent ? undefined : urgent);
  }

  /** @param {Alarm[]} alarms most urgent first */
  #drawCards(alarms) {
    this.#keep(this.#f.cards, this.#cards, alarms, (alarm) => this.#newCard(alarm));
  }

  /** @param {Alarm} alarm @returns {Part} */
  #newCard({ id, at, priority, lamp, text, remedy }) {
    const title = this.#heard?.lamps.find(({ name }) => name === lamp)?.title ?? lamp;
    const what = title ? `${title}: ${text}` : text;
    const acknowledge = () => {
      if (this.#meant()) void this.#act(`alarms/${encodeURIComponent(id)}/acknowledge`);
    };
    const ariaLabel = `Acknowledge: ${what}`;
    const button = make("button", { type: "button", className: "signed", onclick: acknowledge, ariaLabel }, "Acknowledge");
    const root = make("li", { className: priority },
      make("i", { ariaHidden: "true" }, SIGNS[priority]),
      make("small", {}, make("b", {}, `${priority} priority`), ` · ${clock(new Date(at))}`),
      make("p", {}, what), make("p", { className: "remedy" }, remedy), button);
    return { root, f: {} };
  }

  /** @param {Lamp[]} asking */
  #drawQuestions(asking) {
    const questions = asking.map((lamp) => ({ id: lamp.session?.id ?? lamp.name, lamp }));
    this.#keep(this.#f.questions, this.#questions, questions, ({ id, lamp }) => this.#newQuestion(id, lamp));
    const old = this.closest("irctl-lamp-panel")?.hasAttribute("stale");
    for (const { id, lamp } of questions) {
      const part = this.#questions.get(id);
      const { attendance } = lamp;
      if (!part || !attendance) continue;
      const { f, root } = part;
      const { unanswered_s, answer_within_s, dark_after_s, dimmed } = attendance;
      const waited_s = unanswered_s + (now_s() - this.#heard_s);
      root.classList.toggle("dimmed", dimmed);
      write(f.title, joined(lamp.title, "is the patient comfortable?"));
      if (old) {
        write(f.next, "No live data: what the lamp does now is unknown. Look at it.");
        write(f.left, "");
        write(f.then, "");
        continue;
      }
      write(f.next, dimmed ? "Dimmed, because nobody answered. Dark in " : "Without an answer it dims in ");
      write(f.left, minutes((dimmed ? dark_after_s : answer_within_s) - waited_s));
      write(f.then, dimmed ? "" : `, and goes dark in ${minutes(dark_after_s - waited_s)}`);
    }
  }

  /** @param {string} session @param {Lamp} lamp @returns {Part} */
  #newQuestion(session, lamp) {
    const root = make("section", { ariaLabel: `Attendance, ${lamp.title}`, innerHTML: QUESTION });
    const f = fieldsOf(root);
    const attend = `sessions/${encodeURIComponent(session)}/attend`;
    f.answers.append(...Object.entries(COMFORT).map(([comfort, word]) => {
      // As for pause: less light needs neither a name nor a second look; light that goes on needs both.
      const answer = () => {
        if (comfort === "too-hot") void this.#act(attend, { comfort }, "status page");
        else if (this.#meant()) void this.#act(attend, { comfort });
      };
      const signed = comfort === "too-hot" ? "" : " signed";
      return make("button", { type: "button", onclick: answer, className: comfort + signed }, word);
    }));
    return { root, f };
  }

  /**
   * Keeps what is still there (a press that has begun stays a press on the same thing), in the order given.
   * @template {{id: string}} T
   * @param {HTMLElement} list @param {Map<string, Part>} parts @param {T[]} items @param {(item: T) => Part} build
   */
  #keep(list, parts, items, build) {
    const ids = items.map(({ id }) => id);
    if (ids.join("\n") === [...parts.keys()].join("\n")) return;
    const kept = items.map((item) => /** @type {const} */ ([item.id, parts.get(item.id) ?? build(item)]));
    const isNews = ids.some((id) => !parts.has(id));
    for (const [id, { root }] of parts) if (!ids.includes(id)) root.remove();
    kept.forEach(([, { root }], i) => {
      if (list.children[i] !== root) list.insertBefore(root, list.children[i] ?? null);
    });
    parts.clear();
    for (const [id, part] of kept) parts.set(id, part);
    if (isNews) list.scrollTop = 0; // the most urgent is on top
    this.#moved_s = now_s();
  }
}

const sound = new Sound();
customElements.define("irctl-alarms", AlarmDesk);

document.addEventListener("irctl-live", (event) => {
  const panel = /** @type {HTMLElement} */ (event.composedPath()[0]);
  let desk = /** @type {AlarmDesk | null} */ (panel.querySelector(":scope > irctl-alarms"));
  if (!desk) panel.append((desk = /** @type {AlarmDesk} */ (document.createElement("irctl-alarms"))));
  desk.hear(/** @type {CustomEvent<Heard>} */ (event).detail);
});
