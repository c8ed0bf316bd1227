// What lies on the map: live tables become layers, at the pace the machine can draw.
import { IconLayer } from '@deck.gl/layers';
import { Alarms } from './alarms.js';
import { drawIcons } from './icons.js';
import { Links } from './links.js';
import { Live, snapOutward } from './live.js';
import { Past } from './past.js';
import { liveSpecs, toLayers, toTemplates } from './spec.js';
import { Table } from './table.js';
import { WEDGE_ZOOM, Wedges } from './wedges.js';

const DATA_MS = 250; // rebuild attributes at most so often
const MOTION_MS = 40;
const BLINK_MS = 600;
const EVENT_MS = 700;
const AGES_MS = 15000;

export class Scene {
  constructor(engine) {
    const { map, state, emit } = engine;
    Object.assign(this, { engine, map, state, emit });
    this.tables = new Map();
    this.versions = new Map();
    this.tick = 0;
    this.dataAt = 0;
    this.isLit = true;
    this.setSpec(engine.props.spec);
    this.alarms = new Alarms('', () => this.#changed());
    this.alarms.refresh(0);
    const scheme = window.location.protocol === 'https:' ? 'wss' : 'ws';
    this.live = new Live(`${scheme}://${window.location.host}/ws/live`, {
      onFrame: (frame) => this.moment || this.#hear(frame), // the last live frames may still be under way
      onEvent: (event) => this.#happen(event),
      onLink: (link) => {
        state.link = link;
        emit({ link });
      },
      onWelcome: () => this.alarms.refresh(),
    });
    state.live = this.live;
    this.past = new Past('', (frame) => this.#hear(frame));
    this.moment = null;
    this.onMoment = ({ detail }) => this.#goTo(detail);
    window.addEventListener('gunsan-moment', this.onMoment);
    if (window.gunsan_clock) window.gunsan_clock.isBusy = () => this.past.isBusy;
    this.timers = [setInterval(() => this.#age(), AGES_MS), setInterval(() => this.#blink(), BLINK_MS)];
    this.#next();
    this.subscribe();
    this.highlight(engine.props.selected);
  }

  setSpec(spec) {
    this.templates = toTemplates(spec);
    this.specs = liveSpecs(spec);
    this.icons = drawIcons(spec.shapes);
    this.links = new Map();
    this.wedges = new Map();
    for (const [id, live] of this.specs) {
      if (live.symbol.shape === 'line') {
        const links = new Links(this.map, live);
        this.links.set(id, links);
        links.load('').then(() => this.#changed()).catch((error) => console.warn(`links of ${id}:`, error));
      }
      if (live.symbol.shape === 'camera') this.wedges.set(id, new Wedges(id));
    }
    this.#changed();
  }

  get visible() {
    const wanted = this.engine.props.visible;
    return [...this.specs.keys()].filter((id) => !wanted || wanted.includes(id));
  }

  subscribe() {
    const { visible } = this;
    const bbox = this.engine.bbox();
    this.live.subscribe(this.moment ? [] : visible, bbox);
    if (this.moment) this.past.show(this.moment.query, visible, snapOutward(bbox));
    for (const id of this.tables.keys()) if (!visible.includes(id)) this.#forget(id);
    if (this.engine.overlay) for (const [id, links] of this.links) links.show(visible.includes(id));
    if (this.map.getZoom() >= WEDGE_ZOOM)
      for (const [id, wedges] of this.wedges)
        if (visible.includes(id)) wedges.load('', bbox).then((isNew) => isNew && this.#changed()).catch((error) => console.warn(`wedges of ${id}:`, error));
    this.#changed();
  }

  /** Show the page's moment: `{mode, at [ms], query}`; live data pauses until it is now again. */
  #goTo({ mode, at, query }) {
    const isNow = mode === 'live';
    if (isNow && !this.moment) return;
    const isNewQuery = this.moment?.query !== query;
    this.moment = isNow ? null : { at, query };
    this.state.moment = this.moment;
    this.alarms.query = isNow ? '' : query;
    if (isNow) this.past.stop();
    if (isNow || isNewQuery) {
      this.subscribe();
      this.alarms.refresh();
    }
  }

  zoomed() {
    const step = Math.round(this.map.getZoom() * 2) / 2;
    if (step !== this.step) {
      this.step = step;
      this.#changed();
    }
  }

  highlight(selected) {
    this.selected = selected;
    this.#changed();
  }

  pick(point) {
    if (!this.engine.overlay) return null;
    const info = this.engine.overlay.pickObject({ x: point.x, y: point.y, radius: 8 });
    if (info?.object) return { layer: info.object.layer, asset: info.object.asset };
    for (const links of this.links.values()) {
      const hit = links.pick(point);
      if (hit) return hit;
    }
    if (!this.map.getLayer('building')) return null;
    const [building] = this.map.queryRenderedFeatures([point.x, point.y], { layers: ['building'] });
    return building ? { building: building.id ?? null, facts: building.properties } : null;
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.loop);
    this.timers.forEach(clearInterval);
    window.removeEventListener('gunsan-moment', this.onMoment);
    this.alarms.close();
    this.live.close();
  }

  #hear(frame) {
    const spec = this.specs.get(frame.layer);
    if (!spec || !this.visible.includes(frame.layer)) return;
    let table = this.tables.get(frame.layer);
    if (!table) this.tables.set(frame.layer, (table = new Table(spec)));
    table.apply(frame, performance.now());
    this.versions.set(frame.layer, (this.versions.get(frame.layer) ?? 0) + 1);
    this.state.frames += 1;
    this.state.firstDataMs ??= Math.round(performance.now());
    this.state.layers[frame.layer] = { rows: table.n, gen: table.gen, at: table.at };
    this.#changed();
  }

  #forget(id) {
    this.tables.delete(id);
    delete this.state.layers[id];
  }

  #happen(event) {
    this.state.events += 1;
    if (event.kind.startsWith('alarm_')) this.alarms.refresh();
    this.lastSeq = event.seq;
    this.eventTimer ??= setTimeout(() => {
      this.eventTimer = null;
      this.emit({ event_seq: this.lastSeq });
    }, EVENT_MS);
  }

  #age() {
    const ages = {};
    for (const [id, table] of this.tables) ages[id] = { rows: table.n, newest: table.newest() || null };
    this.emit({ ages });
    this.#changed(); // what fell silent turns grey
  }

  #blink() {
    if (!this.alarms.unacknowledged.length) return;
    this.isLit = !this.isLit;
    this.#changed();
  }

  #changed() {
    this.isDirty = true;
  }

  /** The pace is the machine's: 25 motions a second on a GPU; a software renderer keeps half its time for the panels. */
  #next() {
    const wait = Math.max(0, MOTION_MS - 16 + 1.5 * this.engine.pace.cost);
    this.loop = setTimeout(() => requestAnimationFrame((t) => this.#frame(t)), wait);
  }

  #frame(t) {
    if (this.isClosed) return;
    const isDataDue = this.isDirty && t - this.dataAt >= DATA_MS;
    let moved = false;
    if (!document.hidden && this.engine.overlay) {
      for (const id of this.visible) moved = this.tables.get(id)?.glide(performance.now()) || moved;
      if (moved) this.tick += 1;
      if (isDataDue) {
        this.isDirty = false;
        this.dataAt = t;
      }
      if (isDataDue || moved) this.#draw();
    }
    this.#next();
  }

  #draw() {
    const nowS = Math.floor((this.moment?.at ?? Date.now()) / 10000) * 10;
    const zoom = Math.round(this.map.getZoom() * 2) / 2;
    const { visible } = this;
    for (const [id, links] of this.links) if (visible.includes(id) && this.tables.has(id)) links.paint(this.tables.get(id), nowS);
    const layers = toLayers(this.templates, (id) => {
      const table = this.tables.get(id);
      if (!table || this.links.has(id) || !visible.includes(id)) return null;
      return { table, icons: this.icons, version: this.versions.get(id), tick: this.specs.get(id).isMoving ? this.tick : 0, zoom, tilted: this.map.getPitch() > 20, nowS };
    });
    const wedges = zoom < WEDGE_ZOOM ? [] : [...this.wedges.values()].filter((w) => visible.includes(w.id)).map((w) => w.layer());
    this.engine.overlay.setProps({ layers: [...wedges, ...layers, ...this.alarms.layers(this.icons, this.isLit), this.#ring()] });
  }

  #ring() {
    const at = this.#place(this.selected);
    return new IconLayer({
      id: 'selected',
      data: at ? [at] : [],
      iconAtlas: this.icons.canvas,
      iconMapping: this.icons.mapping,
      getIcon: () => 'ring:selected',
      getPosition: (d) => d,
      getSize: 62,
      sizeUnits: 'pixels',
      parameters: { depthCompare: 'always', depthWriteEnabled: false },
    });
  }

  #place(selected) {
    const table = this.tables.get(selected?.layer);
    const row = table?.index.get(selected.asset);
    if (row !== undefined) return [table.lon[row], table.lat[row]];
    return selected?.lon ? [selected.lon, selected.lat] : null;
  }
}
