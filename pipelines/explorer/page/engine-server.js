// The engine of the served page: the server encodes, decodes and renders.

class ServerEngine {
  hasTruth = true;

  async encode(pixels) {
    return new Float32Array(await ask("api/encode", pixels));
  }

  /** Pictures of concatenated codes. */
  async decode(codes) {
    return new Uint8Array(await ask("api/decode", codes));
  }

  /** The true render of [[identity, share], ...] at {factor: degrees}. */
  async truth(weights, angles) {
    const identities = weights.map(([identity, share]) => `${identity}:${share.toFixed(4)}`).join(",");
    return new Uint8Array(await ask(`api/truth?${new URLSearchParams({ identities, ...angles })}`));
  }

  /** A GIF that plays the frames forward and backward. */
  async animation(frames) {
    return new Blob([await ask("api/animation", frames)], { type: "image/gif" });
  }
}

async function ask(address, body) {
  let answer;
  try {
    answer = await fetch(address, body === undefined ? {} : { method: "POST", body });
  } catch {
    throw new Error("the server does not answer: start explore-dcign again, then reload this page");
  }
  if (!answer.ok) throw new Error(`the server refused the request: ${await answer.text()}`);
  return answer.arrayBuffer();
}

export async function connect() {
  return new ServerEngine();
}
