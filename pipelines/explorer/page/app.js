// The page: where it stands (who, at which angles), and drawing that whenever it changes.

import { GraphicsCode } from "./code.js";
import { newestOnly, Slider, Strip } from "./controls.js";
import { cut, paint, paintDifference, readPicture, toPng } from "./pictures.js";

const FRAMES = 31; // of a saved sweep
const PERIOD = 4000; // ms, there and back, of a played sweep
const MOST_SHIFT = 3; // standard deviations along an intrinsic direction
const DEGREES_PER_PIXEL = 0.5; // of dragging

const at = (id) => document.getElementById(id);
const degrees = (value) => `${String(Math.round(value) + 0).replace("-", "−")}°`; // + 0 turns −0 into 0

class Page {
  constructor(facts, engine, people) {
    Object.assign(this, { facts, engine, people, playing: false });
    this.code = new GraphicsCode(facts);
    this.state = { base: null, other: null, mix: 0, shifts: [], angles: {} };
    this.person = this.otherPerson = null;
    this.draw = newestOnly((settled) => this.drawNow(settled).catch(tell));
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
    const look = { side, channels, label: "face" };
    this.strip = new Strip(at("people"), this.people, { ...look, onPick: (which) => this.show(this.people[which], which).catch(tell) });
    this.others = new Strip(at("others"), this.people, { ...look, onPick: (which) => this.mixWith(which).catch(tell) });
    for (const factor of this.code.factors) at("swept").add(new Option(factor.name));
    at("alone").hidden = this.engine.hasTruth;
    document.querySelector(".views").classList.toggle("alone", !this.engine.hasTruth);
    this.listen();
  }

  listen() {
    at("play").addEventListener("click", () => this.play());
    at("gif").addEventListener("click", () => this.saveSweep().catch(tell));
    at("png").addEventListener("click", async () => save(await toPng(at("drawn")), "face.png"));
    at("reset").addEventListener("click", () => this.change(() => this.asSeen()));
    at("file").addEventListener("change", (event) => this.open(event.target.files[0]));
    addEventListener("dragover", (event) => event.preventDefault());
    addEventListener("drop", (event) => {
      event.preventDefault();
      this.open(event.dataTransfer.files[0]);
    });
    at("drawn").addEventListener("pointerdown", (event) => at("drawn").setPointerCapture(event.pointerId));
    at("drawn").addEventListener("pointermove", (event) => {
      if (!at("drawn").hasPointerCapture(event.pointerId)) return;
      this.turn("azimuth", this.state.angles.azimuth + DEGREES_PER_PIXEL * event.movementX);
      this.turn("elevation", this.state.angles.elevation + DEGREES_PER_PIXEL * event.movementY);
    });
  }

  /** A picture from a file. */
  async open(file) {
    if (!file) return;
    try {
      const { pixels, notes } = await readPicture(file, this.facts.side, this.facts.channels);
      if (!(await this.show(pixels, null))) return;
      tell(notes.length ? `${file.name}: ${notes.join("; ")}.` : `${file.name} is seen as it is.`);
    } catch (error) {
      tell(error);
    } finally {
      at("file").value = ""; // so that the same file can be chosen again
    }
  }

  /**
   * Show a picture to the encoder, and start from what it says. All answers are awaited before the page changes, so
   * that no slider moved in between is put back; of two pictures picked quickly the later stays, whoever answers first.
   * Says whether this picture stayed.
   */
  async show(pixels, person) {
    const { side, channels } = this.facts;
    const pick = (this.lastPick = Symbol());
    const base = await this.engine.encode(pixels);
    const own = await this.engine.decode(base);
    if (pick !== this.lastPick) return false;
    this.person = person;
    this.strip.press(person);
    this.state.base = base;
    paint(at("seen"), pixels, side, channels);
    at("read").replaceChildren(...this.reading(base, person));
    paint(at("own"), own, side, channels);
    tell("");
    this.change(() => this.asSeen());
    return true;
  }

  /** What the encoder reads from the picture, and the truth where it is known. */
  reading(code, person) {
    const angles = this.code.angles(code);
    const known = person === null ? null : this.facts.people[person];
    return this.code.factors.flatMap(({ name }, k) => [
      ...(k ? [document.createElement("br")] : []),
      `${name} ${degrees(angles[name])}${known ? ` (true ${degrees(known[name])})` : ""}`,
    ]);
  }

  asSeen() {
    this.state.angles = this.code.angles(this.state.base);
    this.state.shifts = this.shifts.map(() => 0);
    this.shifts.forEach((slider) => (slider.value = 0));
    this.code.factors.forEach(({ name }, k) => (this.factors[k].value = this.state.angles[name]));
    Object.assign(this.state, { other: null, mix: 0 });
    this.otherPerson = null;
    this.others.press(null);
    this.mix.value = 0;
    this.mix.input.disabled = true;
  }

  /** Mix with another person; picking the same one again ends it. */
  async mixWith(which) {
    const ends = this.otherPerson === which;
    const pick = (this.lastMix = Symbol());
    const other = ends ? null : await this.engine.encode(this.people[which]);
    if (pick !== this.lastMix) return;
    this.change(() => {
      this.otherPerson = ends ? null : which;
      Object.assign(this.state, { other, mix: ends ? 0 : this.state.mix || 0.5 });
      this.mix.value = 100 * this.state.mix;
      this.mix.input.disabled = ends;
      this.others.press(this.otherPerson);
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
    if (this.state.base) this.draw();
  }

  /** Draw where the page stands now; `settled()` says whether nothing newer is wanted. */
  async drawNow(settled) {
    const { side, channels } = this.facts;
    const angles = { ...this.state.angles };
    const who = this.trueWeights();
    const truth = who && this.engine.truth(who, angles);
    truth?.catch(() => {}); // told below, where it is awaited
    const drawn = await this.engine.decode(this.code.compose(this.state));
    paint(at("drawn"), drawn, side, channels);
    at("drawn").dispatchEvent(new CustomEvent("drawn", { detail: angles }));
    this.compare(drawn, truth ? await truth : null);
    if (settled()) await this.readBack(drawn, angles);
  }

  /** [[person, share], ...] of whom the truth is known, or null. */
  trueWeights() {
    if (!this.engine.hasTruth || this.person === null || this.state.shifts.some((shift) => shift)) return null;
    if (this.otherPerson === null) return [[this.person, 1]];
    return [[this.person, 1 - this.state.mix], [this.otherPerson, this.state.mix]];
  }

  compare(drawn, truth) {
    const { side, channels } = this.facts;
    for (const id of ["truth", "difference"]) {
      at(id).parentElement.classList.toggle("absent", !truth);
      if (!truth) at(id).width = at(id).height = side; // which empties it
    }
    at("truth-note").textContent = truth ? "at the same angles" : this.whyNoTruth();
    at("difference-note").textContent = "";
    if (!truth) return;
    paint(at("truth"), truth, side, channels);
    const mse = paintDifference(at("difference"), drawn, truth, side, channels);
    at("difference-note").textContent = `mean square ${mse.toFixed(4)}. Red: drawn too bright; blue: too dark`;
  }

  whyNoTruth() {
    if (this.person === null) return "unknown for a picture of yours";
    return "unknown once a direction is moved";
  }

  /** Let the encoder read the decoder's picture: what it says should follow the sliders. */
  async readBack(drawn, angles) {
    const read = this.code.angles(await this.engine.encode(drawn));
    this.code.factors.forEach(({ name }, k) => {
      this.factors[k].note.textContent = `read back by the encoder: ${degrees(read[name])}`;
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

  /** Every angle of the chosen factor, drawn and saved as a GIF. */
  async saveSweep() {
    const factor = this.swept();
    const [low, high] = this.code.range(factor);
    at("gif").disabled = true;
    try {
      const frames = [];
      for (let k = 0; k < FRAMES; k++) {
        tell(`drawing frame ${k + 1} of ${FRAMES}`);
        const angles = { ...this.state.angles, [factor.name]: low + ((high - low) * k) / (FRAMES - 1) };
        frames.push(await this.engine.decode(this.code.compose({ ...this.state, angles })));
      }
      const all = new Uint8Array(FRAMES * frames[0].length);
      frames.forEach((frame, k) => all.set(frame, k * frame.length));
      save(await this.engine.animation(all), `${factor.name}.gif`);
      tell(`saved ${factor.name}.gif`);
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

/** Say something in the line under the title; an error in another colour. */
function tell(said) {
  const wrong = said instanceof Error;
  at("message").textContent = wrong ? said.message : said;
  at("message").classList.toggle("wrong", wrong);
}

function describe({ about }) {
  const count = about.batches.toLocaleString("en");
  return `Network: objective ${about.objective}, ${about.maps} maps, ${count} batches of 20 pictures of the ${about.model} head (store ${about.store}). Kulkarni, Whitney, Kohli and Tenenbaum, Deep Convolutional Inverse Graphics Network, NIPS 2015.`;
}

async function start() {
  tell("loading the networks");
  const facts = await (await fetch("facts.json")).json();
  const strip = Object.assign(new Image(), { src: "people.png" });
  const { connect } = await import(`./engine-${facts.engine}.js`);
  const [engine] = await Promise.all([connect(facts), strip.decode()]);
  const people = cut(strip, facts.side, facts.channels, facts.people.length);
  at("about").textContent = describe(facts);
  document.querySelector("main").hidden = false;
  const page = new Page(facts, engine, people);
  await page.show(people[0], 0);
  document.body.dataset.ready = "true";
}

start().catch(tell);
