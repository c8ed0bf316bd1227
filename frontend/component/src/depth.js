// Water of a run: one stack of depth frames, painted on a canvas under the buildings; the time bar needs no server.
import { Marker } from 'maplibre-gl';

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
  constructor(map, before, source = 'run-depth') {
    Object.assign(this, { map, before, source, frame: 0, run: null, signs: [], cut: null });
  }

  /** Show only what lies on one side of a line on the ground: `{ends: [[lon, lat], [lon, lat]], inside: [lon, lat]}`; null shows all. */
  clip(cut) {
    const had = this.cut;
    this.cut = cut;
    if (cut || had) this.show(this.frame);
  }

  /** `run`: {url, minus, nx, ny, times_s, step_m, corners, measures}; null takes the water away. */
  async load(run, language) {
    this.run = run;
    this.codes = null;
    this.signs.splice(0).forEach((sign) => sign.remove());
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
    this.map.addSource(this.source, { type: 'canvas', canvas: this.canvas, coordinates: run.corners, animate: false });
    this.map.addLayer({ id: this.source, type: 'raster', source: this.source, paint: { 'raster-fade-duration': 0, 'raster-resampling': 'linear' } }, this.before);
    this.signs = (run.measures ?? []).map((one) => this.#sign(one, language));
    return this.show(this.frame);
  }

  /** What was assumed stands on the map, always: nobody may read the water without it. */
  #sign({ at, kind, name_ko: ko, name_en: en }, language) {
    const element = Object.assign(document.createElement('div'), { className: `measure is-${kind}` });
    element.textContent = language === 'en' ? (en ?? ko) : ko;
    return new Marker({ element, anchor: 'bottom' }).setLngLat(at).addTo(this.map);
  }

  show(frame) {
    this.frame = frame;
    if (!this.codes) return;
    const { nx, ny, times_s: times } = this.run;
    const first = Math.max(0, Math.min(times.length - 1, frame)) * nx * ny;
    const words = new Uint32Array(this.image.data.buffer);
    for (let k = 0; k < words.length; k += 1) words[k] = this.table[this.codes[first + k]];
    if (this.cut) this.#cut(words);
    this.context.putImageData(this.image, 0, 0);
    const source = this.map.getSource(this.source);
    source.play(); // one upload
    source.pause();
    this.map.triggerRepaint();
  }

  /** Depth [m] at a place in every frame, or null outside; of two runs, the difference. */
  series(lon, lat) {
    if (!this.codes) return null;
    const { nx, ny, times_s: times, step_m: step, minus } = this.run;
    const [u, v] = this.#share(lon, lat);
    if (u < 0 || u >= 1 || v < 0 || v >= 1) return null;
    const cell = Math.floor(v * ny) * nx + Math.floor(u * nx);
    const value = (code) => (minus ? (code ? (code - 128) * step : 0) : code * step);
    return times.map((_, n) => value(this.codes[n * nx * ny + cell]));
  }

  /** Where a place lies between the corners: 0 to 1 from west to east, and from north to south. */
  #share(lon, lat) {
    const [nw, ne, , sw] = this.run.corners;
    const [ax, ay, bx, by] = [ne[0] - nw[0], ne[1] - nw[1], sw[0] - nw[0], sw[1] - nw[1]];
    const [px, py] = [lon - nw[0], lat - nw[1]];
    const det = ax * by - ay * bx;
    return [(px * by - py * bx) / det, (ax * py - ay * px) / det];
  }

  #cut(words) {
    const { nx, ny } = this.run;
    const [[u1, v1], [u2, v2], [ui, vi]] = [...this.cut.ends, this.cut.inside].map((at) => this.#share(...at));
    const side = (u, v) => (u2 - u1) * (v - v1) - (v2 - v1) * (u - u1);
    const kept = Math.sign(side(ui, vi));
    for (let row = 0; row < ny; row += 1) {
      const v = (row + 0.5) / ny;
      for (let column = 0; column < nx; column += 1) if (Math.sign(side((column + 0.5) / nx, v)) !== kept) words[row * nx + column] = 0;
    }
  }

  clear() {
    if (!this.map.getSource(this.source)) return;
    this.map.removeLayer(this.source);
    this.map.removeSource(this.source);
  }
}
