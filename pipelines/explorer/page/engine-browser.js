// The engine of the static site: ONNX Runtime in WebAssembly encodes and decodes; there is no renderer.

class BrowserEngine {
  hasTruth = false;

  constructor(facts, ort, encoder, decoder) {
    Object.assign(this, { facts, ort, encoder, decoder });
    const { side, channels } = facts;
    this.shape = channels === 1 ? [side, side] : [side, side, channels];
    this.last = Promise.resolve();
  }

  async encode(pixels) {
    const images = new this.ort.Tensor("uint8", pixels, [1, ...this.shape]);
    const { mu } = await this.oneAtATime(() => this.encoder.run({ images }));
    return new Float32Array(mu.data);
  }

  /** Pictures of concatenated codes. */
  async decode(codes) {
    const { latents } = this.facts;
    const code = new this.ort.Tensor("float32", codes, [codes.length / latents, latents]);
    const { images } = await this.oneAtATime(() => this.decoder.run({ code }));
    return Uint8Array.from(images.data, (value) => Math.floor(255 * Math.min(1, Math.max(0, value)) + 0.5));
  }

  /** A GIF that plays the frames forward and backward. */
  async animation(frames) {
    const { GIFEncoder, quantize, applyPalette } = await import("./vendor/gifenc.esm.js");
    const { side, channels } = this.facts;
    const gif = GIFEncoder();
    const size = channels * side * side;
    const count = frames.length / size;
    const order = [...Array(count).keys()];
    order.push(...order.slice(1, -1).reverse());
    for (const k of order) {
      const rgba = new Uint8ClampedArray(4 * side * side).fill(255);
      for (let p = 0; p < side * side; p++) {
        for (let c = 0; c < 3; c++) rgba[4 * p + c] = frames[k * size + channels * p + (channels === 3 ? c : 0)];
      }
      const palette = quantize(rgba, 256, { format: "rgb888" });
      gif.writeFrame(applyPalette(rgba, palette, "rgb888"), side, side, { palette, delay: 3000 / order.length });
    }
    gif.finish();
    return new Blob([gif.bytes()], { type: "image/gif" });
  }

  /** ONNX Runtime's WebAssembly cannot run two graphs at once. */
  oneAtATime(work) {
    this.last = this.last.then(work, work);
    return this.last;
  }
}

export async function connect(facts) {
  if (typeof WebAssembly === "undefined") {
    throw new Error("this browser does not run WebAssembly, which the networks need: allow it in the settings, use another browser, or run explore-dcign, which computes in Python");
  }
  const ort = await import("./vendor/ort.wasm.min.mjs");
  // A relative path would be taken from the module's place, not the page's.
  ort.env.wasm.wasmPaths = new URL("vendor/", document.baseURI).href;
  ort.env.wasm.numThreads = 1; // more need headers that plain web servers do not send
  const [encoder, decoder] = [await session(ort, "encoder.onnx"), await session(ort, "decoder.onnx")];
  return new BrowserEngine(facts, ort, encoder, decoder);
}

async function session(ort, name) {
  const answer = await fetch(name);
  if (!answer.ok) throw new Error(`${name} is missing on this site: export it again with explore-dcign --export`);
  return ort.InferenceSession.create(new Uint8Array(await answer.arrayBuffer()), { executionProviders: ["wasm"] });
}
