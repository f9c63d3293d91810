// Pictures as rows of bytes, the network's form, and their conversion to and from canvases and files.

const MOST_PIXELS = 40e6;
const MOST_BYTES = 64e6;
const LONGEST = 1000;
const PLAIN_BORDER = 0.6; // share of the border that has one colour where a background is plain
const BACKGROUND_LEVELS = 12; // around that colour
const [SMALL, TO_SPARE, SPECK] = [0.7, 1.1, 0.01]; // shares of a side: smaller heads are cropped; size of the crop; fewer pixels are dust
const LUMINANCE = [0.2126, 0.7152, 0.0722];

/** A picture that cannot be used; the text names the reason and what to do. */
export class PictureError extends Error {}

/** Paint a square picture of `side` pixels, with `channels` bytes a pixel, on a canvas of that size. */
export function paint(canvas, pixels, side, channels) {
  const image = new ImageData(side, side);
  for (let k = 0; k < side * side; k++) {
    for (let c = 0; c < 3; c++) image.data[4 * k + c] = pixels[channels * k + (channels === 3 ? c : 0)];
    image.data[4 * k + 3] = 255;
  }
  if (canvas.width !== side) canvas.width = canvas.height = side;
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/**
 * Paint red where `decoded` is brighter than `truth`, blue where it is darker, white where they agree.
 * Returns the mean square error, of pixels in 0..1.
 */
export function paintDifference(canvas, decoded, truth, side, channels) {
  const image = new ImageData(side, side);
  let sum = 0;
  for (let k = 0; k < side * side; k++) {
    let difference = 0;
    for (let c = 0; c < channels; c++) {
      const one = decoded[channels * k + c] - truth[channels * k + c];
      sum += one * one;
      difference += one / channels;
    }
    const fade = 255 - Math.min(255, 2 * Math.abs(difference));
    image.data.set(difference > 0 ? [255, fade, fade, 255] : [fade, fade, 255, 255], 4 * k);
  }
  if (canvas.width !== side) canvas.width = canvas.height = side;
  canvas.getContext("2d").putImageData(image, 0, 0);
  return sum / (255 * 255 * decoded.length);
}

/** The pictures of a strip that is `count` squares wide, as bytes. */
export function cut(strip, side, channels, count) {
  const context = scratch(side * count, side);
  context.drawImage(strip, 0, 0);
  return Array.from({ length: count }, (_, k) => bytes(context.getImageData(k * side, 0, side, side).data, channels));
}

/**
 * Read a picture file in the form of the training images: upright, square, on white, of their size and colour.
 * Transparent parts and a plain background become white; a picture that is not square is padded with white where its
 * background is known, else cropped to its middle. On a known background a small head is cropped, since the heads of the
 * training images fill their pictures.
 */
export async function readPicture(file, side, channels) {
  const notes = [];
  if (file.size > MOST_BYTES) {
    throw new PictureError(`${file.name} has ${Math.round(file.size / 1e6)} MB; expected at most ${MOST_BYTES / 1e6}. Scale it down.`);
  }
  const image = await load(file);
  try {
    const { naturalWidth: width, naturalHeight: height } = image;
    if (width * height > MOST_PIXELS) {
      throw new PictureError(
        `${file.name} has ${width} × ${height} pixels, ${Math.round((width * height) / 1e6)} million; expected at most ${MOST_PIXELS / 1e6} million. Scale it down.`,
      );
    }
    if (await isAnimation(file)) notes.push("an animation: its first frame is used");
    const canvas = shrunk(image, width, height);
    const known = onWhite(canvas, notes);
    const whole = squared(canvas, known, notes);
    const square = known ? closer(whole, notes) : whole;
    return { pixels: bytes(scaled(square, side).data, channels), notes };
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

/** A canvas's content as a PNG. */
export function toPng(canvas) {
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function scratch(width, height) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  return context;
}

/** RGBA to bytes of `channels` a pixel. */
function bytes(data, channels) {
  const pixels = new Uint8Array((channels * data.length) / 4);
  for (let k = 0; k < data.length / 4; k++) {
    const [r, g, b] = [data[4 * k], data[4 * k + 1], data[4 * k + 2]];
    if (channels === 3) pixels.set([r, g, b], 3 * k);
    else pixels[k] = Math.floor(LUMINANCE[0] * r + LUMINANCE[1] * g + LUMINANCE[2] * b + 0.5);
  }
  return pixels;
}

function load(file) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => {
      URL.revokeObjectURL(image.src);
      reject(new PictureError(`${file.name} cannot be read as a picture; choose a PNG or a JPEG.`));
    };
    image.src = URL.createObjectURL(file);
  });
}

/** Return true if a GIF, PNG or WebP file has more than one frame, by its markers. */
async function isAnimation(file) {
  const all = new Uint8Array(await file.arrayBuffer());
  const text = (from, length) => String.fromCharCode(...all.subarray(from, from + length));
  const has = (mark, end = all.length) => {
    let found = 0;
    for (let k = 0; k + mark.length <= end; k++) if (mark.every((byte, m) => all[k + m] === byte)) found++;
    return found;
  };
  const letters = (word) => [...word].map((letter) => letter.charCodeAt(0));
  if (text(0, 3) === "GIF") return has([0x21, 0xf9, 0x04]) > 1;
  if (text(1, 3) === "PNG") return has(letters("acTL"), Math.min(all.length, 4096)) > 0;
  return text(8, 4) === "WEBP" && has(letters("ANIM"), Math.min(all.length, 64)) > 0;
}

/** Put the picture on a canvas no longer than `LONGEST`. */
function shrunk(image, width, height) {
  const scale = Math.max(1, Math.max(width, height) / LONGEST);
  const context = scratch(Math.max(1, Math.round(width / scale)), Math.max(1, Math.round(height / scale)));
  context.drawImage(image, 0, 0, context.canvas.width, context.canvas.height);
  return context.canvas;
}

/** Make transparent parts and a plain background white, in place; returns true if the background is known. */
function onWhite(canvas, notes) {
  const context = canvas.getContext("2d");
  const image = context.getImageData(0, 0, canvas.width, canvas.height);
  let transparent = false;
  for (let k = 0; k < image.data.length; k += 4) {
    const alpha = image.data[k + 3] / 255;
    if (alpha === 1) continue;
    transparent = true;
    for (let c = 0; c < 3; c++) image.data[k + c] = Math.floor(image.data[k + c] * alpha + 255 * (1 - alpha) + 0.5);
    image.data[k + 3] = 255;
  }
  if (transparent) notes.push("transparent parts are white");
  const known = whitenBackground(image, notes);
  context.putImageData(image, 0, 0);
  return known;
}

function whitenBackground({ data, width, height }, notes) {
  const border = [];
  for (let x = 0; x < width; x++) border.push(x, (height - 1) * width + x);
  for (let y = 0; y < height; y++) border.push(y * width, y * width + width - 1);
  const middle = [0, 1, 2].map((c) => median(border.map((k) => data[4 * k + c])));
  const alike = (k) => middle.every((level, c) => Math.abs(data[4 * k + c] - level) <= BACKGROUND_LEVELS);
  if (border.filter(alike).length < PLAIN_BORDER * border.length) {
    notes.push("its background stays, but training images have none: a transparent background works better");
    return false;
  }
  const behind = new Uint8Array(width * height);
  const waiting = border.filter(alike);
  while (waiting.length) {
    const k = waiting.pop();
    if (behind[k] || !alike(k)) continue;
    behind[k] = 1;
    const x = k % width;
    if (x > 0) waiting.push(k - 1);
    if (x < width - 1) waiting.push(k + 1);
    if (k >= width) waiting.push(k - width);
    if (k < width * (height - 1)) waiting.push(k + width);
  }
  if (Math.min(...middle) < 255 - BACKGROUND_LEVELS) notes.push("its plain background is made white");
  behind.forEach((is, k) => is && data.fill(255, 4 * k, 4 * k + 4));
  return true;
}

function median(values) {
  values.sort((one, other) => one - other);
  const half = values.length >> 1;
  return values.length % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

function squared(canvas, known, notes) {
  const { width, height } = canvas;
  if (width === height) return canvas;
  const side = known ? Math.max(width, height) : Math.min(width, height);
  const context = scratch(side, side);
  context.fillStyle = "white";
  context.fillRect(0, 0, side, side);
  context.drawImage(canvas, Math.trunc((side - width) / 2), Math.trunc((side - height) / 2));
  if (!known) notes.push("not square: cropped to the middle");
  return context.canvas;
}

/** Crop what is not white, where it is small: space above the head, the neck on the border, as in the training images. */
function closer(canvas, notes) {
  const side = canvas.width;
  const { data } = canvas.getContext("2d").getImageData(0, 0, side, side);
  const [inRow, inColumn] = [new Uint32Array(side), new Uint32Array(side)];
  for (let k = 0; k < side * side; k++) {
    if (Math.min(data[4 * k], data[4 * k + 1], data[4 * k + 2]) === 255) continue;
    inRow[Math.floor(k / side)]++;
    inColumn[k % side]++;
  }
  const [top, height] = extent(inRow, SPECK * side);
  const [left, width] = extent(inColumn, SPECK * side);
  const longer = Math.max(height, width);
  if (!height || !width || longer >= SMALL * side) return canvas;
  const part = Math.round(TO_SPARE * longer);
  const context = scratch(part, part);
  context.fillStyle = "white";
  context.fillRect(0, 0, part, part);
  context.drawImage(canvas, Math.floor((part - width) / 2) - left, part - height - top);
  notes.push("the head was small: cropped");
  return context.canvas;
}

/** [start, length] of the part from the first to the last count above `least`. */
function extent(counts, least) {
  const first = counts.findIndex((count) => count > least);
  return first < 0 ? [0, 0] : [first, counts.findLastIndex((count) => count > least) + 1 - first];
}

/** Scale to `side`; first halved while it is more than twice too large, so that every pixel counts. */
function scaled(canvas, side) {
  while (canvas.width >= 2 * side) {
    const half = scratch(Math.floor(canvas.width / 2), Math.floor(canvas.height / 2));
    half.drawImage(canvas, 0, 0, half.canvas.width, half.canvas.height);
    canvas = half.canvas;
  }
  const context = scratch(side, side);
  context.drawImage(canvas, 0, 0, side, side);
  return context.getImageData(0, 0, side, side);
}
