// Water of a run: one stack of depth frames, painted on a canvas under the buildings; the time bar needs no server.
const SOURCE = 'run-depth';
const STOPS = [[0.06, [86, 180, 233, 0]], [0.1, [86, 180, 233, 70]], [0.3, [66, 146, 214, 175]], [0.6, [49, 104, 190, 205]], [1.2, [52, 60, 158, 225]], [2.5, [88, 28, 120, 235]]];
const LESS = [0, 158, 115];
const MORE = [213, 94, 0];

/** Colour of each code as a little-endian RGBA word: of a depth [m], or of a difference around code 128. */
function ramp(step, isDifference) {
  const table = new Uint32Array(256);
  for (let code = 1; code < 256; code += 1) {
    const [r, g, b, a] = isDifference ? difference((code - 128) * step) : between(code * step);
    table[code] = ((a << 24) | (b << 16) | (g << 8) | r) >>> 0;
  }
  return table;
}

function between(depth) {
  if (depth < STOPS[0][0]) return STOPS[0][1];
  const next = STOPS.findIndex(([at]) => at > depth);
  if (next < 0) return STOPS.at(-1)[1];
  const [[x0, from], [x1, to]] = [STOPS[next - 1], STOPS[next]];
  const share = (depth - x0) / (x1 - x0);
  return from.map((value, n) => Math.round(value + share * (to[n] - value)));
}

function difference(more) {
  const alpha = Math.min(230, Math.abs(more) * 500);
  return Math.abs(more) < 0.03 ? [0, 0, 0, 0] : [...(more > 0 ? MORE : LESS), Math.round(alpha)];
}

async function fetchBytes(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`water frames: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

/** Code of A minus B around 128; 0 where both are dry. */
export function subtract(a, b) {
  const out = new Uint8Array(a.length);
  for (let k = 0; k < a.length; k += 1) if (a[k] || b[k]) out[k] = Math.max(1, Math.min(255, 128 + a[k] - b[k]));
  return out;
}

export class Depth {
  constructor(map, before) {
    Object.assign(this, { map, before, frame: 0, run: null });
  }

  /** `run`: {url, minus, nx, ny, times_s, step_m, corners}; null takes the water away. */
  async load(run) {
    this.run = run;
    this.codes = null;
    if (!run) return this.clear();
    const [codes, other] = await Promise.all([fetchBytes(run.url), run.minus ? fetchBytes(run.minus) : null]);
    if (this.run !== run) return undefined; // another one was chosen meanwhile
    if (codes.length !== run.nx * run.ny * run.times_s.length) throw new Error(`water frames: ${codes.length} bytes`);
    this.codes = other ? subtract(codes, other) : codes;
    this.table = ramp(run.step_m, Boolean(other));
    this.clear();
    this.canvas = Object.assign(document.createElement('canvas'), { width: run.nx, height: run.ny });
    this.context = this.canvas.getContext('2d');
    this.image = this.context.createImageData(run.nx, run.ny);
    this.map.addSource(SOURCE, { type: 'canvas', canvas: this.canvas, coordinates: run.corners, animate: false });
    this.map.addLayer({ id: SOURCE, type: 'raster', source: SOURCE, paint: { 'raster-fade-duration': 0, 'raster-resampling': 'linear' } }, this.before);
    return this.show(this.frame);
  }

  show(frame) {
    this.frame = frame;
    if (!this.codes) return;
    const { nx, ny, times_s: times } = this.run;
    const first = Math.max(0, Math.min(times.length - 1, frame)) * nx * ny;
    const words = new Uint32Array(this.image.data.buffer);
    for (let k = 0; k < words.length; k += 1) words[k] = this.table[this.codes[first + k]];
    this.context.putImageData(this.image, 0, 0);
    const source = this.map.getSource(SOURCE);
    source.play(); // one upload
    source.pause();
    this.map.triggerRepaint();
  }

  /** Depth [m] at a place in every frame, or null outside; of two runs, the difference. */
  series(lon, lat) {
    if (!this.codes) return null;
    const { nx, ny, times_s: times, step_m: step, corners, minus } = this.run;
    const [nw, ne, , sw] = corners;
    const [ax, ay, bx, by] = [ne[0] - nw[0], ne[1] - nw[1], sw[0] - nw[0], sw[1] - nw[1]];
    const [px, py] = [lon - nw[0], lat - nw[1]];
    const det = ax * by - ay * bx;
    const [u, v] = [(px * by - py * bx) / det, (ax * py - ay * px) / det];
    if (u < 0 || u >= 1 || v < 0 || v >= 1) return null;
    const cell = Math.floor(v * ny) * nx + Math.floor(u * nx);
    const value = (code) => (minus ? (code ? (code - 128) * step : 0) : code * step);
    return times.map((_, n) => value(this.codes[n * nx * ny + cell]));
  }

  clear() {
    if (!this.map.getSource(SOURCE)) return;
    this.map.removeLayer(SOURCE);
    this.map.removeSource(SOURCE);
  }
}
