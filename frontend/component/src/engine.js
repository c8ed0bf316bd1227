// The map engine: MapLibre below, deck.gl above, live tables in between. One instance a component; it rebuilds itself.
import { Map as MapLibreMap, NavigationControl, ScaleControl, setWorkerUrl } from 'maplibre-gl';
import { MapLibreOverlay } from '@deck.gl/maplibre';
import { registerLoaders, setLoaderOptions } from '@loaders.gl/core';
import { Depth } from './depth.js';
import { Overlay } from './overlay.js';
import { Pace, isSoftware } from './pace.js';
import { Roads } from './roads.js';
import { Scene } from './scene.js';
import { baseStyle, setLabelLanguage } from './style.js';

const LOAD_LIMIT_MS = 20000;
const VIEW_KEY = 'gunsan-twin-view';
const HOME = { center: [126.7, 35.975], zoom: 12.2, pitch: 45, bearing: -12 };
const BOUNDS = [[125.9, 35.5], [127.2, 36.3]];

registerLoaders([]);
setLoaderOptions({ worker: false, CDN: null });

export class Engine {
  constructor(container, props, emit) {
    Object.assign(this, { container, props, emit, rebuilds: 0 });
    this.state = window.__twin = {
      state: 'loading', link: 'connecting', layers: {}, frames: 0, events: 0, firstDataMs: null, startedAt: performance.now(), error: null, rebuilds: 0,
      pick: (layer, asset) => this.select({ layer, asset }),
      project: (lon, lat) => this.map.project([lon, lat]),
      engine: this,
    };
    this.#build();
  }

  async #build() {
    const { base } = this.props;
    setWorkerUrl(`${base}/maplibre-gl-worker.mjs`);
    await document.fonts.load('500 16px Pretendard', '가A1').catch(() => {});
    if (this.gone) return;
    this.isLight = this.props.mode === 'light' || isSoftware();
    try {
      this.map = new MapLibreMap({
        container: this.container,
        style: baseStyle(window.location.origin),
        ...this.#startView(),
        maxBounds: BOUNDS,
        minZoom: 9,
        maxZoom: 19,
        maxPitch: 70,
        attributionControl: false,
        localIdeographFontFamily: 'Pretendard, sans-serif',
        canvasContextAttributes: { antialias: !this.isLight, contextType: 'webgl2', powerPreference: 'high-performance' },
        fadeDuration: this.isLight ? 0 : 200,
        ...(this.props.pixelRatio && { pixelRatio: this.props.pixelRatio }), // a wall draws everything larger, and still sharp
        refreshExpiredTiles: true,
        locale: this.props.locale ?? {},
      });
    } catch (error) {
      return this.#fail(error);
    }
    const { map } = this;
    this.watchdog = setTimeout(() => this.#fail(new Error('the map engine did not start')), LOAD_LIMIT_MS);
    if (!this.props.isWall) {
      map.addControl(new NavigationControl({ visualizePitch: true }), 'bottom-right');
      map.addControl(new ScaleControl({ maxWidth: 90 }), 'bottom-left');
    }
    this.pace = new Pace(map);
    this.scene = new Scene(this); // live data flows while the first tiles still load
    map.on('load', () => this.#ready());
    map.on('error', ({ error }) => console.warn('map:', error?.message));
    map.on('webglcontextlost', () => this.#rebuild());
    map.on('moveend', () => this.#moved());
    map.on('zoom', () => this.scene?.zoomed());
    map.on('move', () => this.#swipe());
    map.on('click', ({ point, lngLat }) => {
      this.analysis?.tell(point, lngLat);
      const told = this.#runAt(point);
      this.asked = told.water || told.traffic ? { lon: lngLat.lng, lat: lngLat.lat } : null;
      this.select(this.scene?.pick(point) ?? null, told);
    });
    map.on('mousemove', ({ point }) => this.#hover(point));
  }

  #ready() {
    clearTimeout(this.watchdog);
    const isOverlaid = this.props.mode === 'overlaid';
    this.overlay = new MapLibreOverlay({ interleaved: !isOverlaid, layers: [], pickingRadius: 6 });
    this.map.addControl(this.overlay);
    this.depth = new Depth(this.map, 'traffic');
    this.beside = new Depth(this.map, 'traffic', 'run-depth-beside');
    this.analysis = new Overlay(this.map, 'building');
    this.analysis.show(this.props.overlay);
    this.roads = new Roads(this.map, 'building');
    this.roads.sketch(this.props.sketch);
    this.#showRun(this.props.run);
    this.state.state = 'ready';
    this.map.once('render', () => this.map.setLayoutProperty('building', 'visibility', 'visible'));
    setLabelLanguage(this.map, this.props.language);
    this.emit({ ready: Date.now(), error: null });
    this.#moved();
  }

  update(props) {
    const before = this.props;
    this.props = props;
    if (!this.scene) return;
    if (this.overlay && props.language !== before.language) setLabelLanguage(this.map, props.language);
    if (props.spec !== before.spec) this.scene.setSpec(props.spec);
    if (props.visible !== before.visible) this.scene.subscribe();
    if (props.selected !== before.selected) this.scene.highlight(props.selected);
    if (props.flyTo?.home && props.flyTo !== before.flyTo) this.home();
    else if (props.flyTo && props.flyTo !== before.flyTo) this.fly(props.flyTo);
    if (this.depth && (props.run !== before.run || props.beside !== before.beside)) this.#showRun(props.run);
    if (this.depth && props.swipe !== before.swipe) this.#swipe();
    if (this.analysis && props.overlay !== before.overlay) this.analysis.show(props.overlay);
    if (this.depth && (props.runFrame !== before.runFrame || props.runView !== before.runView)) this.#showFrame();
    if (this.roads && props.sketch !== before.sketch) this.roads.sketch(props.sketch);
  }

  async #showRun(run) {
    this.#showFrame();
    const isTraffic = Boolean(run?.roads);
    const beside = (run && this.props.beside) || null;
    const water = (one) => (one?.roads ? one.water : one) ?? null;
    try {
      await Promise.all([this.depth.load(water(run), this.props.language), this.roads.load(isTraffic ? run : null), this.beside.load(water(beside), this.props.language)]);
      await this.roads.compare(beside);
      this.#showFrame();
      this.#swipe();
      this.state.beside = beside && (this.beside.codes || this.roads.other) ? beside.id : null;
      this.state.run = this.depth.codes || this.roads.planes ? run.id : null;
      const place = run && this.asked && this.#runAt(this.map.project(this.asked));
      this.emit({ run_shown: run ? { id: run.id, at: Date.now(), place } : null });
    } catch (error) {
      console.error('run:', error);
      this.emit({ run_shown: { error: error.message, at: Date.now() } });
    }
  }

  /** Roads and water have times of their own: the water is that of the moment at which the bin of the roads ends. */
  #showFrame() {
    const { run, runFrame = 0, runView = 'service' } = this.props;
    const times = run?.water?.times_s;
    const t = run?.roads?.times_s[runFrame];
    this.depth.show(times ? Math.max(0, times.findLastIndex((one) => one <= t)) : runFrame ?? 0);
    this.roads.show(runFrame ?? 0, runView ?? 'service');
    const { beside } = this.props;
    const others = beside?.roads ? beside.water?.times_s : beside?.times_s;
    if (others) this.beside.show(Math.max(0, others.findLastIndex((one) => one <= (t ?? run?.times_s?.[runFrame] ?? 0))));
  }

  /** Two runs side by side: what lies left of the upright line is of one, what lies right of it of the other. */
  #swipe() {
    if (!this.depth || !(this.props.run && this.props.beside) || this.swiping) {
      if (this.depth?.cut) for (const part of [this.depth, this.beside, this.roads]) part.clip(null);
      return;
    }
    this.swiping = true;
    requestAnimationFrame(() => {
      this.swiping = false;
      if (!this.depth || !this.props.beside) return;
      const { clientWidth: width, clientHeight: height } = this.map.getCanvas();
      const x = width * (this.props.swipe ?? 0.5);
      const at = (dx, y) => this.map.unproject([x + dx, y]).toArray();
      const ends = [at(0, height * 0.6), at(0, height)];
      this.depth.clip({ ends, inside: at(-20, height) });
      this.beside.clip({ ends, inside: at(20, height) });
      this.roads.clip((place) => this.map.project(place).x > x);
    });
  }

  /** What a run says of a place goes along with what was clicked, and the streets there. */
  #runAt(point) {
    const { lng, lat } = this.map.unproject(point);
    const depth_m = this.depth?.series(lng, lat);
    const traffic = this.roads?.series(point);
    const found = this.roads?.at(point) ?? [];
    const links = [...new Set(found.map((one) => one.id))];
    return { at_place: [lng, lat], ...(depth_m && { water: { lon: lng, lat, depth_m } }), ...(traffic && { traffic }), ...(links.length && { road: { links, name: found[0].properties.name_ko ?? '' } }) };
  }

  fly({ lon, lat, zoom, pitch, bearing }) {
    const calm = this.isLight || window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.map.flyTo({ center: [lon, lat], zoom: Math.max(zoom ?? 16, this.map.getZoom()), ...(pitch !== undefined && { pitch }), ...(bearing !== undefined && { bearing }), speed: 1.8, maxDuration: 2500, animate: !calm });
  }

  /** Go back to a view `{lon, lat, zoom}`, or to the first one. */
  home(view) {
    const first = fromDeck(this.props.spec.initialViewState);
    this.map?.easeTo({ ...first, ...(view && { center: [view.lon, view.lat], zoom: view.zoom }), duration: this.isLight ? 0 : 2500 });
  }

  select(selected, more = {}) {
    this.scene?.highlight(selected ?? this.asked);
    this.emit({ clicked: { ...selected, ...more, at: Date.now() } });
  }

  destroy() {
    this.gone = true;
    clearTimeout(this.watchdog);
    this.scene?.close();
    this.scene = null;
    this.map?.remove();
  }

  #hover(point) {
    const now = performance.now();
    if (!this.overlay || this.map.isMoving() || now - (this.hovered ?? 0) < 80) return;
    this.hovered = now;
    this.map.getCanvas().style.cursor = this.scene?.pick(point) ? 'pointer' : '';
  }

  #moved() {
    if (!this.scene) return;
    this.scene.subscribe();
    clearTimeout(this.viewTimer);
    this.viewTimer = setTimeout(() => {
      const { lng, lat } = this.map.getCenter();
      const view = { center: [lng, lat], zoom: this.map.getZoom(), pitch: this.map.getPitch(), bearing: this.map.getBearing() };
      sessionStorage.setItem(VIEW_KEY, JSON.stringify(view));
      this.emit({ viewport: { ...view, bbox: this.bbox() } });
    }, 400);
  }

  bbox() {
    const b = this.map.getBounds();
    return [b.getWest(), b.getSouth(), b.getEast(), b.getNorth()];
  }

  #startView() {
    if (this.props.isWall) return fromDeck(this.props.spec.initialViewState); // what somebody left behind is not for all
    try {
      const { center, zoom, pitch, bearing } = JSON.parse(sessionStorage.getItem(VIEW_KEY));
      return { center, zoom, pitch, bearing };
    } catch {
      return this.props.spec?.initialViewState ? fromDeck(this.props.spec.initialViewState) : HOME;
    }
  }

  /** A lost context (driver reset, weeks of running) costs a second, not the screen. */
  #rebuild() {
    if (this.gone || this.rebuilding) return;
    this.rebuilding = true;
    this.rebuilds += 1;
    Object.assign(this.state, { state: 'loading', rebuilds: this.rebuilds });
    clearTimeout(this.watchdog);
    this.scene?.close(); // at once: a map without its context has no style to paint on
    this.scene = null;
    this.overlay = null;
    this.depth = null;
    this.beside = null;
    this.roads = null;
    this.analysis = null;
    setTimeout(() => {
      try {
        this.map.remove();
      } catch (error) {
        console.warn('map:', error);
      }
      this.container.replaceChildren();
      this.rebuilding = false;
      if (!this.gone) this.#build();
    }, Math.min(500 * this.rebuilds, 10000));
  }

  #fail(error) {
    clearTimeout(this.watchdog);
    console.error('map:', error);
    Object.assign(this.state, { state: 'error', error: error.message });
    this.emit({ error: error.message });
    if (this.rebuilds < 3 && this.map) this.#rebuild();
  }
}

function fromDeck({ longitude, latitude, zoom, pitch = 0, bearing = 0 }) {
  return { center: [longitude, latitude], zoom, pitch, bearing };
}
