// Pictures as the model's input: the pixels that Pillow's antialiased resize gives, to the last bit.
import { PNG } from "pngjs";

const MAX_PIXELS = 50_000_000;
const FILTERS = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: bicubic },
};
const PRECISION = 22; // bits after the point of a weight; Pillow computes with whole numbers

function bicubic(x) {
  const d = Math.abs(x);
  if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
  return d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
}

/** The content of a PNG file of 8 bits or less -> {data, width, height}, RGB bytes with alpha on white. */
export function readPng(content, name = "the picture") {
  const isPng = content.length > 24 && content.readUInt32BE(0) === 0x89504e47;
  const pixels = isPng ? content.readUInt32BE(16) * content.readUInt32BE(20) : 0;
  if (!isPng || content[24] > 8 || pixels > MAX_PIXELS) {
    const reason = isPng ? `${content[24]} bits and ${pixels} pixels` : "another format";
    throw new Error(`${name} must be a PNG of at most 8 bits and ${MAX_PIXELS} pixels, received ${reason}`);
  }
  const { data: rgba, width, height } = PNG.sync.read(content);
  const data = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4) {
    for (let colour = 0; colour < 3; colour++, to++) data[to] = onWhite(rgba[from + colour], rgba[from + 3]);
  }
  return { data, width, height };
}

function onWhite(value, alpha) {
  if (alpha === 255) return value;
  const sum = 128 * (value * alpha + 255 * (255 - alpha)) + (128 << 7); // with Pillow's rounding
  return (((sum >> 8) + sum) >> 8) >> 7;
}

/** {data, width, height} of RGB bytes -> the bytes of the model's input; the second argument is preprocessing.json's content. */
export function resize({ data, width, height }, { size, interpolation, fit, shortest_side, crop_rounding }) {
  if (data.length !== width * height * 3) {
    throw new Error(`a picture must have ${width} x ${height} x 3 bytes, received ${data.length}`);
  }
  const [rows, columns] = size;
  let [left, top, right, bottom] = [0, 0, width, height];
  if (fit === "crop") {
    const [leastTall, leastWide] = [shortest_side ?? rows, shortest_side ?? columns];
    const isWide = leastTall * width >= leastWide * height;
    const tall = isWide ? leastTall : Math.floor((leastWide * height) / width);
    const wide = isWide ? Math.floor((leastTall * width) / height) : leastWide;
    const [x, y] = [width / wide, height / tall];
    const half = crop_rounding === "down" ? Math.floor : halfToEven;
    const [across, down] = [half((wide - columns) / 2), half((tall - rows) / 2)];
    [left, top, right, bottom] = [across * x, down * y, (across + columns) * x, (down + rows) * y];
  }
  const filter = FILTERS[interpolation];
  const across = weights(width, left, right, columns, filter);
  const narrow = pass(data, across, height, { line: width, pixel: 1 }, { line: columns, pixel: 1 });
  const down = weights(height, top, bottom, rows, filter);
  return pass(narrow, down, columns, { line: 1, pixel: columns }, { line: 1, pixel: columns });
}

function halfToEven(value) {
  return value % 1 === 0.5 ? 2 * Math.round(value / 2) : Math.round(value);
}

/** For each of count places in the stretch from start to end: the first pixel it reads, and a weight for each. */
function weights(length, start, end, count, { support, weight }) {
  if (start === 0 && end === length && count === length) return null;
  const reach = Math.ceil(support * Math.max((end - start) / count, 1)) + 1;
  const base = Math.max(Math.floor(start) - reach, 0); // Pillow keeps a stretch in single precision: better counted from near
  const limit = Math.min(Math.ceil(end) + reach, length) - base;
  const [from, to] = [Math.fround(start - base), Math.fround(end - base)];
  const scale = Math.fround(to - from) / count;
  const stretch = Math.max(scale, 1);
  return Array.from({ length: count }, (_, place) => {
    const centre = from + (place + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - support * stretch + 0.5), 0);
    const last = Math.min(Math.trunc(centre + support * stretch + 0.5), limit);
    const raw = [];
    for (let pixel = first; pixel < last; pixel++) raw.push(weight((pixel - centre + 0.5) * (1 / stretch)));
    const sum = raw.reduce((total, value) => total + value, 0);
    const whole = raw.map((value) => {
      const scaled = (value / sum) * 2 ** PRECISION;
      return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    });
    return { first: base + first, whole: Int32Array.from(whole) };
  });
}

/** Filters lines along one axis; from and to say how far apart lines, and pixels of a line, lie. */
function pass(data, places, lines, from, to) {
  if (places === null) return data;
  const result = new Uint8ClampedArray(lines * places.length * 3);
  const half = 2 ** (PRECISION - 1);
  for (let line = 0; line < lines; line++) {
    for (let place = 0; place < places.length; place++) {
      const { first, whole } = places[place];
      let [red, green, blue] = [half, half, half];
      for (let k = 0; k < whole.length; k++) {
        const at = (line * from.line + (first + k) * from.pixel) * 3;
        red += data[at] * whole[k];
        green += data[at + 1] * whole[k];
        blue += data[at + 2] * whole[k];
      }
      const at = (line * to.line + place * to.pixel) * 3;
      result[at] = red >> PRECISION;
      result[at + 1] = green >> PRECISION;
      result[at + 2] = blue >> PRECISION;
    }
  }
  return result;
}
