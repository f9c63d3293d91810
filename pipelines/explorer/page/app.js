// The page: its state (the code's identities and angles), and the pictures that follow whenever the state changes.

import { GraphicsCode } from "./code.js";
import { newestOnly, Slider, Strip } from "./controls.js";
import { cut, paint, paintDifference, readPicture, toPng } from "./pictures.js";

const FRAMES = 31; // frames of a saved sweep
const PERIOD = 4000; // ms of a played sweep, forward and backward
const MOST_SHIFT = 3; // standard deviations along a direction, either way
const DEGREES_PER_PIXEL = 0.5; // when the decoded picture is dragged

const at = (id) => document.getElementById(id);
const degrees = (value) => `${String(Math.round(value) + 0).replace("-", "−")}°`; // + 0 turns −0 into 0

class Page {
  constructor(facts, engine, faces) {
    Object.assign(this, { facts, engine, faces, playing: false });
    this.code = new GraphicsCode(facts);
    this.state = { base: null, other: null, mix: 0, shifts: [], angles: {} };
    this.identity = this.otherIdentity = null;
    this.update = newestOnly((settled) => this.updateNow(settled).catch(report));
    this.build();
  }

  build() {
    const { side, channels } = this.facts;
    this.factors = this.code.factors.map((factor) => {
      const [low, high] = this.code.range(factor);
      const onMove = (value) => this.turn(factor.name, value);
      return new Slider(at("factors"), { name: factor.name, low, high, step: 0.5, unit: "°", digits: 1, onMove });
    });
    this.shifts = this.code.directions.map((_, which) => {
      const onMove = (value) => this.change(() => (this.state.shifts[which] = value));
      const name = `direction ${which + 1}`;
      return new Slider(at("directions"), { name, low: -MOST_SHIFT, high: MOST_SHIFT, step: 0.1, unit: " sd", digits: 1, onMove });
    });
    const onMix = (value) => this.change(() => (this.state.mix = value / 100));
    this.mix = new Slider(at("mix"), { name: "share", low: 0, high: 100, step: 1, unit: " %", digits: 0, onMove: onMix });
    const form = { side, channels, label: "face" };
    this.strip = new Strip(at("identities"), this.faces, { ...form, onPick: (which) => this.show(this.faces[which], which).catch(report) });
    this.others = new Strip(at("others"), this.faces, { ...form, onPick: (which) => this.mixWith(which).catch(report) });
    for (const factor of this.code.factors) at("swept").add(new Option(factor.name));
    at("alone").hidden = this.engine.hasTruth;
    document.querySelector(".views").classList.toggle("alone", !this.engine.hasTruth);
    this.listen();
  }

  listen() {
    at("play").addEventListener("click", () => this.play());
    at("gif").addEventListener("click", () => this.saveSweep().catch(report));
    at("png").addEventListener("click", async () => save(await toPng(at("decoded")), "face.png"));
    at("reset").addEventListener("click", () => this.change(() => this.reset()));
    at("file").addEventListener("change", (event) => this.open(event.target.files[0]));
    addEventListener("dragover", (event) => event.preventDefault());
    addEventListener("drop", (event) => {
      event.preventDefault();
      this.open(event.dataTransfer.files[0]);
    });
    at("decoded").addEventListener("pointerdown", (event) => at("decoded").setPointerCapture(event.pointerId));
    at("decoded").addEventListener("pointermove", (event) => {
      if (!at("decoded").hasPointerCapture(event.pointerId)) return;
      this.turn("azimuth", this.state.angles.azimuth + DEGREES_PER_PIXEL * event.movementX);
      this.turn("elevation", this.state.angles.elevation + DEGREES_PER_PIXEL * event.movementY);
    });
  }

  /** Read a picture file and show it. */
  async open(file) {
    if (!file) return;
    try {
      const { pixels, notes } = await readPicture(file, this.facts.side, this.facts.channels);
      if (!(await this.show(pixels, null))) return;
      report(notes.length ? `${file.name}: ${notes.join("; ")}.` : `${file.name} is used as it is.`);
    } catch (error) {
      report(error);
    } finally {
      at("file").value = ""; // so that the same file can be chosen again
    }
  }

  /**
   * Encode a picture and start from its code. All answers are awaited before the page changes, so that a slider moved
   * in between is not put back; of two pictures chosen quickly the later stays, whichever answer comes first.
   * Returns true if this picture stayed. `identity` is its number in the strip, or null.
   */
  async show(pixels, identity) {
    const { side, channels } = this.facts;
    const pick = (this.lastPick = Symbol());
    const base = await this.engine.encode(pixels);
    const reconstruction = await this.engine.decode(base);
    if (pick !== this.lastPick) return false;
    this.identity = identity;
    this.strip.press(identity);
    this.state.base = base;
    paint(at("input"), pixels, side, channels);
    at("read").replaceChildren(...this.reading(base, identity));
    paint(at("reconstruction"), reconstruction, side, channels);
    report("");
    this.change(() => this.reset());
    return true;
  }

  /** Lines with the angles that the encoder reads from the picture, and the true ones where they are known. */
  reading(code, identity) {
    const angles = this.code.angles(code);
    const known = identity === null ? null : this.facts.identities[identity];
    return this.code.factors.flatMap(({ name }, k) => [
      ...(k ? [document.createElement("br")] : []),
      `${name} ${degrees(angles[name])}${known ? ` (true ${degrees(known[name])})` : ""}`,
    ]);
  }

  /** Return to the unchanged code. */
  reset() {
    this.state.angles = this.code.angles(this.state.base);
    this.state.shifts = this.shifts.map(() => 0);
    this.shifts.forEach((slider) => (slider.value = 0));
    this.code.factors.forEach(({ name }, k) => (this.factors[k].value = this.state.angles[name]));
    Object.assign(this.state, { other: null, mix: 0 });
    this.otherIdentity = null;
    this.others.press(null);
    this.mix.value = 0;
    this.mix.input.disabled = true;
  }

  /** Mix with another face; choosing the same one again ends it. */
  async mixWith(which) {
    const ends = this.otherIdentity === which;
    const pick = (this.lastMix = Symbol());
    const other = ends ? null : await this.engine.encode(this.faces[which]);
    if (pick !== this.lastMix) return;
    this.change(() => {
      this.otherIdentity = ends ? null : which;
      Object.assign(this.state, { other, mix: ends ? 0 : this.state.mix || 0.5 });
      this.mix.value = 100 * this.state.mix;
      this.mix.input.disabled = ends;
      this.others.press(this.otherIdentity);
    });
  }

  /** Set a factor to an angle within its range. */
  turn(name, angle) {
    const which = this.code.factors.findIndex((factor) => factor.name === name);
    if (which < 0) return;
    const [low, high] = this.code.range(this.code.factors[which]);
    const within = Math.min(high, Math.max(low, angle));
    this.change(() => {
      this.state.angles[name] = within;
      this.factors[which].value = within;
    });
  }

  change(move) {
    move();
    if (this.state.base) this.update();
  }

  /** Decode and show the current state; `settled()` is true when no newer state waits. */
  async updateNow(settled) {
    const { side, channels } = this.facts;
    const angles = { ...this.state.angles };
    const weights = this.trueWeights();
    const truth = weights && this.engine.truth(weights, angles);
    truth?.catch(() => {}); // reported below, where it is awaited
    const decoded = await this.engine.decode(this.code.compose(this.state));
    paint(at("decoded"), decoded, side, channels);
    at("decoded").dispatchEvent(new CustomEvent("decoded", { detail: angles }));
    this.compare(decoded, truth ? await truth : null);
    if (settled()) await this.readBack(decoded, angles);
  }

  /** [[identity, share], ...] for the true render, or null where there is none. */
  trueWeights() {
    if (!this.engine.hasTruth || this.identity === null || this.state.shifts.some((shift) => shift)) return null;
    if (this.otherIdentity === null) return [[this.identity, 1]];
    return [[this.identity, 1 - this.state.mix], [this.otherIdentity, this.state.mix]];
  }

  compare(decoded, truth) {
    const { side, channels } = this.facts;
    for (const id of ["truth", "difference"]) {
      at(id).parentElement.classList.toggle("absent", !truth);
      if (!truth) at(id).width = at(id).height = side; // which empties it
    }
    at("truth-note").textContent = truth ? "at the same angles" : this.whyNoTruth();
    at("difference-note").textContent = "";
    if (!truth) return;
    paint(at("truth"), truth, side, channels);
    const mse = paintDifference(at("difference"), decoded, truth, side, channels);
    at("difference-note").textContent = `mean square error ${mse.toFixed(4)}. Red: decoded too bright; blue: too dark`;
  }

  whyNoTruth() {
    if (this.identity === null) return "unknown for your own picture";
    return "unknown when a direction is moved";
  }

  /** Encode the decoded picture: the angles read from it should follow the sliders. */
  async readBack(decoded, angles) {
    const read = this.code.angles(await this.engine.encode(decoded));
    this.code.factors.forEach(({ name }, k) => {
      this.factors[k].note.textContent = `encoder reads ${degrees(read[name])}`;
      this.factors[k].note.dataset.read = read[name].toFixed(2);
      this.factors[k].note.dataset.at = angles[name];
    });
  }

  play() {
    this.playing = !this.playing;
    at("play").setAttribute("aria-pressed", String(this.playing));
    at("play").textContent = this.playing ? "Stop" : "Play";
    const start = performance.now();
    const step = (now) => {
      if (!this.playing) return;
      const phase = ((now - start) / PERIOD) % 1;
      const [low, high] = this.code.range(this.swept());
      this.turn(this.swept().name, low + (high - low) * (1 - Math.abs(2 * phase - 1)));
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  swept() {
    return this.code.factors.find(({ name }) => name === at("swept").value);
  }

  /** Decode the chosen factor over its range, and save the pictures as a GIF. */
  async saveSweep() {
    const factor = this.swept();
    const [low, high] = this.code.range(factor);
    at("gif").disabled = true;
    try {
      const frames = [];
      for (let k = 0; k < FRAMES; k++) {
        report(`decoding frame ${k + 1} of ${FRAMES}`);
        const angles = { ...this.state.angles, [factor.name]: low + ((high - low) * k) / (FRAMES - 1) };
        frames.push(await this.engine.decode(this.code.compose({ ...this.state, angles })));
      }
      const all = new Uint8Array(FRAMES * frames[0].length);
      frames.forEach((frame, k) => all.set(frame, k * frame.length));
      save(await this.engine.animation(all), `${factor.name}.gif`);
      report(`saved ${factor.name}.gif`);
    } finally {
      at("gif").disabled = false;
    }
  }
}

function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Show a message, or an error in another colour, in the line under the title. */
function report(message) {
  const wrong = message instanceof Error;
  at("message").textContent = wrong ? message.message : message;
  at("message").classList.toggle("wrong", wrong);
}

function describe({ about }) {
  const count = about.batches.toLocaleString("en");
  return `Network: ${about.network}, trained on ${count} batches of 20 pictures of the ${about.model} head (store ${about.store}). Kulkarni, Whitney, Kohli and Tenenbaum, Deep Convolutional Inverse Graphics Network, NIPS 2015.`;
}

async function start() {
  report("loading the networks");
  const facts = await (await fetch("facts.json")).json();
  const strip = Object.assign(new Image(), { src: "identities.png" });
  const { connect } = await import(`./engine-${facts.engine}.js`);
  const [engine] = await Promise.all([connect(facts), strip.decode()]);
  const faces = cut(strip, facts.side, facts.channels, facts.identities.length);
  at("about").textContent = describe(facts);
  document.querySelector("main").hidden = false;
  const page = new Page(facts, engine, faces);
  await page.show(faces[0], 0);
  document.body.dataset.ready = "true";
}

start().catch(report);
