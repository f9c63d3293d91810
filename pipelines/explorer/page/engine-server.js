// Encodes, decodes and draws the truth by asking the server that the page came from.

class ServerEngine {
  hasTruth = true;

  async encode(pixels) {
    return new Float32Array(await ask("api/encode", pixels));
  }

  /** Pictures of codes that lie one after another. */
  async decode(codes) {
    return new Uint8Array(await ask("api/decode", codes));
  }

  /** What the renderer draws of [[person, share], ...] at {factor: degrees}. */
  async truth(people, angles) {
    const who = people.map(([person, share]) => `${person}:${share.toFixed(4)}`).join(",");
    return new Uint8Array(await ask(`api/truth?${new URLSearchParams({ people: who, ...angles })}`));
  }

  /** A GIF that plays the frames forth and back. */
  async animation(frames) {
    return new Blob([await ask("api/animation", frames)], { type: "image/gif" });
  }
}

async function ask(address, body) {
  let answer;
  try {
    answer = await fetch(address, body === undefined ? {} : { method: "POST", body });
  } catch {
    throw new Error("the server does not answer any more: start explore-dcign again, then reload this page");
  }
  if (!answer.ok) throw new Error(`the server refused: ${await answer.text()}`);
  return answer.arrayBuffer();
}

export async function connect() {
  return new ServerEngine();
}
