// Traffic of a run on the roads: level of service, queues, closures; or how it differs from the base. Feature state carries it.
const LAYERS = ['run-roads', 'run-closed', 'run-area', 'run-area-edge', 'run-measure', 'run-word'];
const SOURCE = { source: 'ground', sourceLayer: 'road_link' };
const MEASURES = 'run-measures';
const SKETCH = 'sketch';
const CLOSED = 255;
/** Vehicles in five minutes (5 are 60 an hour, 20 are 240), and km/h; the legend of time_bar.py says the same. */
const CHANGES = { flow: { name: 'more', sign: 1, least: 5, strong: 20 }, speed: { name: 'faster', sign: -1, least: 5, strong: 15 } };
const state = (name, none) => ['coalesce', ['feature-state', name], none];
const MARK = '#cc79a7';

async function fetchBytes(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`roads of the run: ${answer.status}`);
  return answer.arrayBuffer();
}

/** Grey while it flows; from level D on ever warmer and wider, queues wider still. */
function servicePaint() {
  const level = state('service', -1);
  const queue = state('queue', 0);
  return {
    'line-color': ['case', ['==', level, CLOSED], '#0b0f13', ['<', level, 1], 'rgba(0,0,0,0)', ['>=', level, 6], '#d55e00', ['>=', level, 5], '#e69f00', ['>=', level, 4], '#b8ad4a', '#6b7783'],
    'line-width': scaled(['case', ['==', level, CLOSED], 2.6, ['<', level, 1], 0, ['+', ['case', ['>=', level, 4], 1.5, 0.8], ['min', 2, ['/', queue, 12]]]]),
  };
}

/** How a link differs from the base: worse in vermilion, better in green, the darker the more; below `least` nothing. */
function changePaint({ name, sign, least, strong }) {
  const worse = ['*', sign, state(name, 0)];
  const wide = ['case', ['>=', ['abs', worse], strong], ['min', 4, ['+', 2, ['/', ['abs', worse], 4 * strong]]], 1.3];
  return {
    'line-color': ['case', ['==', state('service', -1), CLOSED], '#0b0f13', ['>=', worse, strong], '#d55e00', ['>', worse, 0], '#f0b98d', ['<=', worse, -strong], '#009e73', '#8fd6bf'],
    'line-width': scaled(['case', ['==', state('service', -1), CLOSED], 2.6, ['<', ['abs', worse], least], 0, wide]),
  };
}

function scaled(wide) {
  return ['interpolate', ['exponential', 1.5], ['zoom'], 10, ['*', 0.7, wide], 13, ['*', 1.4, wide], 17, ['*', 4.5, wide]];
}

export class Roads {
  constructor(map, before) {
    Object.assign(this, { map, before, frame: 0, view: 'service', run: null, picked: new Set(), other: null, beyond: null });
    map.addSource(SKETCH, { type: 'geojson', data: collection([]) });
    map.addLayer({ id: 'sketch-area', type: 'fill', source: SKETCH, paint: { 'fill-color': MARK, 'fill-opacity': 0.25 } });
    map.addLayer({ id: 'sketch-edge', type: 'line', source: SKETCH, paint: { 'line-color': MARK, 'line-width': 2, 'line-dasharray': [2, 1] } });
    map.addLayer({ id: 'sketch-point', type: 'circle', source: SKETCH, filter: ['==', ['geometry-type'], 'Point'], paint: { 'circle-radius': 5, 'circle-color': MARK } });
    map.addLayer({ id: 'sketch-road', type: 'line', ...flat(SOURCE), paint: { 'line-color': MARK, 'line-width': scaled(['case', state('picked', false), 3, 0]) } });
  }

  /** `run`: {roads: {url, links, times_s}, measures}; null takes the traffic away. */
  async load(run) {
    this.run = run;
    this.planes = null;
    if (!run) return this.clear();
    const { url, minus, links: n, times_s: times } = run.roads;
    const [bytes, less] = await Promise.all([fetchBytes(url), minus ? fetchBytes(minus) : null]);
    if (this.run !== run) return undefined; // another one was chosen meanwhile
    const size = n * times.length;
    if (bytes.byteLength !== 4 * n + 4 * size) throw new Error(`roads of the run: ${bytes.byteLength} bytes`);
    this.clear();
    this.ids = new Uint32Array(bytes, 0, n);
    this.planes = ['service', 'queue', 'change', 'speed'].map((_, k) => new Uint8Array(bytes, 4 * n + k * size, size));
    if (less) this.#subtract(less, n, size);
    for (const k of [2, 3]) this.planes[k] = calm(this.planes[k], n);
    this.shown = new Float64Array(n).fill(-1);
    this.#build();
    return this.show(this.frame, this.view);
  }

  /** Two runs on one base: what differs between them is the difference of their changes. */
  #subtract(bytes, n, size) {
    for (const k of [2, 3]) {
      const other = new Uint8Array(bytes, 4 * n + k * size, size);
      this.planes[k] = this.planes[k].map((code, i) => Math.max(1, Math.min(255, 128 + code - other[i])));
    }
  }

  /** Traffic of another run on the links that lie beyond a line; a run of water alone leaves them bare. */
  async compare(other) {
    this.other = null;
    if (!other || !this.run) return;
    this.map.getSource(MEASURES)?.setData(collection([...marks(this.run, `${this.run.named.name[0]} `), ...marks(other, `${this.run.named.beside[0]} `)]));
    const { links: n, times_s: times } = other.roads ?? { links: 0, times_s: [] };
    const bytes = other.roads ? await fetchBytes(other.roads.url) : new ArrayBuffer(0);
    const size = n * times.length;
    this.other = { times, rows: new Map([...new Uint32Array(bytes, 0, n)].map((id, k) => [id, k])), n, planes: [0, 1, 2, 3].map((k) => new Uint8Array(bytes, 4 * n + k * size, size)).map((plane, k) => (k < 2 ? plane : calm(plane, n))) };
  }

  /** `beyond` tells of lon, lat whether it belongs to the other run; null takes the comparison away. */
  clip(beyond) {
    const had = this.beyond;
    this.beyond = beyond;
    if (!this.planes || !(beyond || had)) return;
    if (beyond) {
      this.far = new Set();
      for (const { id, geometry } of this.map.querySourceFeatures(SOURCE.source, { sourceLayer: SOURCE.sourceLayer })) {
        const line = geometry.type === 'LineString' ? geometry.coordinates : geometry.coordinates.flat();
        if (beyond(line[Math.floor(line.length / 2)])) this.far.add(id);
      }
    }
    this.show(this.frame, this.view);
  }

  /** Level, queue and changes of a link beyond the line, as one number; 128 is no change. */
  #beyond(id) {
    const { times, rows, n, planes } = this.other;
    const row = rows.get(id);
    if (row === undefined) return packed(0, 0, 128, 128);
    const t = this.run.roads.times_s[Math.min(this.frame, this.run.roads.times_s.length - 1)];
    const at = Math.max(0, times.findLastIndex((one) => one <= t)) * n + row;
    return packed(...planes.map((plane) => plane[at]));
  }

  show(frame, view = this.view) {
    this.frame = frame;
    if (!this.planes) return;
    if (view !== this.view || !this.isPainted) {
      const paint = CHANGES[view] ? changePaint(CHANGES[view]) : servicePaint();
      for (const [name, value] of Object.entries(paint)) this.map.setPaintProperty('run-roads', name, value);
      Object.assign(this, { view, isPainted: true });
    }
    const n = this.ids.length;
    const at = Math.max(0, Math.min(this.run.roads.times_s.length - 1, frame)) * n;
    const [service, queue, change, speed] = this.planes;
    for (let k = 0; k < n; k += 1) {
      const isFar = this.beyond && this.other && this.far.has(this.ids[k]);
      const code = isFar ? this.#beyond(this.ids[k]) : packed(service[at + k], queue[at + k], change[at + k], speed[at + k]);
      if (code === this.shown[k]) continue;
      this.shown[k] = code;
      this.map.setFeatureState({ ...SOURCE, id: this.ids[k] }, { service: code & 255, queue: (code >> 8) & 255, more: ((code >> 16) & 255) - 128, faster: (code >>> 24) - 128 });
    }
    const t = this.run.roads.times_s[Math.min(frame, this.run.roads.times_s.length - 1)];
    const stands = ['all', ['<=', ['get', 'start_s'], t], ['>', ['get', 'end_s'], t]];
    for (const id of ['run-area', 'run-area-edge', 'run-measure', 'run-word']) this.map.setPaintProperty(id, `${kindOf(id)}-opacity`, ['case', stands, id === 'run-area' ? 0.28 : 1, id === 'run-area' ? 0.08 : 0.35]);
  }

  /** What happened on the roads at a place: of the link with the longest queue there, each bin. */
  series(point) {
    if (!this.planes) return null;
    const hits = this.at(point, ['run-roads', 'road']);
    if (!hits.length) return null;
    const [service, queue, change, speed] = this.planes;
    const n = this.ids.length;
    const which = hits.map((one) => this.ids.indexOf(one.id)).filter((k) => k >= 0);
    if (!which.length) return null;
    const each = (plane, k) => this.run.roads.times_s.map((_, bin) => plane[bin * n + k]);
    const total = (k) => each(queue, k).reduce((a, b) => a + b, 0);
    const k = which.sort((a, b) => total(b) - total(a))[0];
    return { name: hits[0].properties.name_ko ?? '', link: this.ids[k], service: each(service, k), queue: each(queue, k), more: each(change, k).map((c) => c - 128), faster: each(speed, k).map((c) => c - 128) };
  }

  /** Road links within a few pixels, the nearest street's both directions. */
  at(point, layers = ['road']) {
    const box = [[point.x - 6, point.y - 6], [point.x + 6, point.y + 6]];
    return this.map.queryRenderedFeatures(box, { layers: layers.filter((id) => this.map.getLayer(id)) });
  }

  /** What the planner has marked to be closed: `{links, areas, open}`. */
  sketch(drawn) {
    const links = new Set(drawn?.links ?? []);
    for (const id of this.picked) if (!links.has(id)) this.map.setFeatureState({ ...SOURCE, id }, { picked: false });
    for (const id of links) this.map.setFeatureState({ ...SOURCE, id }, { picked: true });
    this.picked = links;
    const open = drawn?.open ?? [];
    const shapes = (drawn?.areas ?? []).map((ring) => ({ type: 'Polygon', coordinates: [ring] }));
    if (open.length > 1) shapes.push({ type: 'LineString', coordinates: open });
    this.map.getSource(SKETCH).setData(collection([...shapes, ...open.map((at) => ({ type: 'Point', coordinates: at }))].map((geometry) => ({ type: 'Feature', geometry, properties: {} }))));
  }

  #build() {
    const { map } = this;
    map.addSource(MEASURES, { type: 'geojson', data: collection(marks(this.run)) });
    const polygon = ['==', ['geometry-type'], 'Polygon'];
    map.addLayer({ id: 'run-roads', type: 'line', ...flat(SOURCE), layout: { 'line-cap': 'round' }, paint: { 'line-offset': ['interpolate', ['linear'], ['zoom'], 12, 0, 15, 2.5, 18, 8] } }, this.before);
    map.addLayer({ id: 'run-closed', type: 'line', ...flat(SOURCE), paint: { 'line-color': '#f2f5f7', 'line-dasharray': [1.2, 1.2], 'line-width': scaled(['case', ['==', state('service', -1), CLOSED], 1.5, 0]) } }, this.before);
    map.addLayer({ id: 'run-area', type: 'fill', source: MEASURES, filter: polygon, paint: { 'fill-color': MARK } }, this.before);
    map.addLayer({ id: 'run-area-edge', type: 'line', source: MEASURES, filter: polygon, paint: { 'line-color': MARK, 'line-width': 2 } });
    map.addLayer({ id: 'run-measure', type: 'line', source: MEASURES, filter: ['!', polygon], paint: { 'line-color': MARK, 'line-width': scaled(1.6), 'line-gap-width': scaled(2.2) } });
    map.addLayer({ id: 'run-word', type: 'symbol', source: MEASURES, layout: { 'text-field': ['get', 'word'], 'text-font': ['Pretendard'], 'text-size': 13, 'symbol-placement': 'point', 'text-padding': 45 }, paint: { 'text-color': '#fff', 'text-halo-color': '#7a2f57', 'text-halo-width': 2.5 } });
  }

  clear() {
    for (const id of LAYERS) if (this.map.getLayer(id)) this.map.removeLayer(id);
    if (this.map.getSource(MEASURES)) this.map.removeSource(MEASURES);
    for (const id of this.ids ?? []) this.map.removeFeatureState({ ...SOURCE, id }, 'service');
    Object.assign(this, { ids: null, isPainted: false });
  }
}

/** The mean of each bin and the two before it: a single one of five minutes differs by chance. */
const calm = (plane, n) => plane.map((code, at) => (at < 2 * n ? (at < n ? code : Math.round((code + plane[at - n]) / 2)) : Math.round((code + plane[at - n] + plane[at - 2 * n]) / 3)));
const marks = ({ measures }, whose = '') => measures.flatMap(({ geometry, area, start_s, end_s, word }) => [geometry, area].filter(Boolean).map((shape) => ({ type: 'Feature', geometry: shape, properties: { start_s, end_s, word: `${whose}${word}` } })));
const packed = (service, queue, change, speed) => (service | (queue << 8) | (change << 16) | (speed << 24)) >>> 0;
const flat = ({ source, sourceLayer }) => ({ source, 'source-layer': sourceLayer });
const collection = (features) => ({ type: 'FeatureCollection', features });
const kindOf = (id) => ({ 'run-area': 'fill', 'run-word': 'text' })[id] ?? 'line';
