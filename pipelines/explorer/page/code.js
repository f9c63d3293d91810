// The graphics code: the value of a latent at an angle, the angle of a value, and the composition of a code.

/** Linear interpolation in a table of ascending `xs`; constant outside it. */
function interpolate(xs, ys, x) {
  if (x <= xs[0]) return ys[0];
  for (let k = 1; k < xs.length; k++) {
    if (x <= xs[k]) return ys[k - 1] + ((x - xs[k - 1]) / (xs[k] - xs[k - 1])) * (ys[k] - ys[k - 1]);
  }
  return ys[ys.length - 1];
}

const STEPS = 1000;

export class GraphicsCode {
  constructor(facts) {
    this.factors = facts.factors;
    this.directions = facts.directions;
    this.latents = facts.latents;
  }

  /** [lowest, highest] angle of a factor in degrees. */
  range(factor) {
    return [factor.angles[0], factor.angles[factor.angles.length - 1]];
  }

  /** The angle in degrees at which the calibrated value of a factor's latent is nearest to its value in `code`. */
  angle(factor, code) {
    const [low, high] = this.range(factor);
    let best = low, least = Infinity;
    for (let k = 0; k <= STEPS; k++) {
      const angle = low + ((high - low) * k) / STEPS;
      const distance = Math.abs(interpolate(factor.angles, factor.values, angle) - code[factor.latent]);
      if (distance < least) [best, least] = [angle, distance];
    }
    return best;
  }

  /** {factor name: degrees} encoded by a code. */
  angles(code) {
    return Object.fromEntries(this.factors.map((factor) => [factor.name, this.angle(factor, code)]));
  }

  /**
   * The code of the page's state: `base` mixed with `other` by `mix` of 0..1, moved along the intrinsic directions
   * by `shifts` standard deviations, and with every factor's latent set to its calibrated value at `angles`.
   */
  compose({ base, other, mix, shifts, angles }) {
    const code = Float32Array.from(base);
    if (other) for (let k = 0; k < code.length; k++) code[k] += mix * (other[k] - base[k]);
    this.directions.forEach((direction, which) => {
      const step = (shifts[which] ?? 0) * direction.spread;
      if (step) for (let k = 0; k < code.length; k++) code[k] += step * direction.vector[k];
    });
    for (const factor of this.factors) {
      code[factor.latent] = interpolate(factor.angles, factor.values, angles[factor.name]);
    }
    return code;
  }
}
