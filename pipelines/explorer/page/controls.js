// The controls of the page: sliders, and strips of small pictures.

import { paint } from "./pictures.js";

/** A labelled slider; `onMove(value)` is called while it moves. */
export class Slider {
  constructor(parent, { name, low, high, step, unit, digits, onMove }) {
    this.write = (value) => `${value.toFixed(digits).replace("-", "−")}${unit}`;
    const row = parent.appendChild(document.createElement("label"));
    row.className = "slider";
    row.append(name);
    this.input = Object.assign(document.createElement("input"), { type: "range", min: low, max: high, step });
    this.input.setAttribute("aria-label", name);
    this.input.dataset.name = name;
    this.output = document.createElement("output");
    this.note = document.createElement("small");
    row.append(this.input, this.output, this.note);
    this.input.addEventListener("input", () => {
      this.show();
      onMove(this.value);
    });
  }

  get value() {
    return Number(this.input.value);
  }

  /** Move the slider without calling `onMove`. */
  set value(value) {
    this.input.value = value;
    this.show();
  }

  show() {
    this.output.textContent = this.write(this.value);
    this.input.setAttribute("aria-valuetext", this.output.textContent);
  }
}

/** A row of small pictures, of which one or none is selected. */
export class Strip {
  constructor(parent, pictures, { side, channels, label, onPick }) {
    this.buttons = pictures.map((pixels, which) => {
      const button = parent.appendChild(document.createElement("button"));
      button.type = "button";
      button.setAttribute("aria-label", `${label} ${which + 1}`);
      paint(button.appendChild(document.createElement("canvas")), pixels, side, channels);
      button.addEventListener("click", () => onPick(which));
      return button;
    });
    this.press(null);
  }

  press(which) {
    this.buttons.forEach((button, k) => button.setAttribute("aria-pressed", String(k === which)));
  }
}

/** Run `work` for the newest request only: of the requests that come while it is busy, all but the last are dropped. */
export function newestOnly(work) {
  let busy = false;
  let wanted = false;
  return async function request() {
    wanted = true;
    if (busy) return;
    busy = true;
    try {
      while (wanted) {
        wanted = false;
        await work(() => !wanted);
      }
    } finally {
      busy = false;
    }
  };
}
