// MarkLayer: one live layer as marks (shape + number + colour) or, on a tilted map, as columns.
import { CompositeLayer } from '@deck.gl/core';
import { ColumnLayer, IconLayer, TextLayer } from '@deck.gl/layers';
import { INK, QUIET, rgb, SEVERITY, SEVERITY_COLOUR } from './palette.js';

const ON_TOP = { depthCompare: 'always', depthWriteEnabled: false };
const GLYPHS = [...'0123456789.,-–+%'];

export class MarkLayer extends CompositeLayer {
  static layerName = 'MarkLayer';

  static defaultProps = {
    table: { type: 'object', value: null, compare: false },
    live: { type: 'object', value: null },
    icons: { type: 'object', value: null },
    version: 0, // of the rows
    tick: 0, // of the motion
    zoom: 12,
    tilted: false,
    nowS: 0,
  };

  /** Rows worth drawing at this zoom: far out only the abnormal, never-heard assets only close up. */
  #rows() {
    const { table, live, zoom } = this.props;
    const rows = [];
    const isFar = zoom < live.symbol.min_zoom;
    for (let r = 0; r < table.n; r++) {
      if (table.severity[r] > 0) rows.push(r);
      else if (!isFar && (zoom >= 15.5 || !Number.isNaN(table.time[r]))) rows.push(r);
    }
    return rows.sort((a, b) => table.severity[a] - table.severity[b]);
  }

  updateState({ props, oldProps, changeFlags }) {
    if (changeFlags.dataChanged || props.table !== oldProps.table || props.version !== oldProps.version || props.zoom !== oldProps.zoom || !this.state.rows) {
      const rows = this.#rows();
      const known = this.state.rows;
      if (!known || known.length !== rows.length || rows.some((r, k) => r !== known[k])) this.setState({ rows });
    }
  }

  getPickingInfo({ info }) {
    const row = this.state.rows?.[info.index];
    if (row !== undefined) info.object = { layer: this.props.live.id, asset: this.props.table.asset[row] };
    return info;
  }

  renderLayers() {
    const { live, zoom, tilted } = this.props;
    if (!this.props.table || !this.state.rows) return null;
    const isColumn = live.symbol.shape === 'column' && tilted;
    const isClose = zoom >= live.symbol.min_zoom + 2.5;
    return [isColumn ? this.#columns() : this.#icons(), isClose && live.symbol.value && this.#numbers(isColumn)];
  }

  #base(id) {
    const { table, version, zoom, tick, nowS } = this.props;
    const { rows } = this.state;
    const at = (index) => rows[index];
    const how = [version, zoom, nowS];
    return {
      at,
      ...this.getSubLayerProps({ id, updateTriggers: {} }),
      data: { length: rows.length, rows },
      dataComparator: (a, b) => a.rows === b.rows,
      getPosition: (_, { index, target }) => {
        target[0] = table.lon[at(index)];
        target[1] = table.lat[at(index)];
        target[2] = 0;
        return target;
      },
      updateTriggers: { getPosition: [version, zoom, tick], getIcon: how, getSize: how, getColor: how, getAngle: [version, zoom, tick], getText: how, getFillColor: how, getElevation: how },
    };
  }

  #state(row) {
    const { table, nowS } = this.props;
    if (table.severity[row]) return SEVERITY[table.severity[row]];
    return table.isStale(row, nowS) ? 'stale' : 'normal';
  }

  #icons() {
    const { table, live, icons, zoom } = this.props;
    const { at, ...base } = this.#base('mark');
    const heading = live.symbol.heading;
    const size = Math.max(9, Math.min(26, 9 + (zoom - live.symbol.min_zoom) * 3.2));
    return new IconLayer(base, {
      iconAtlas: icons.canvas,
      iconMapping: icons.mapping,
      billboard: !heading,
      sizeUnits: 'pixels',
      getSize: (_, { index }) => (table.severity[at(index)] ? Math.max(20, size) : size) * (Number.isNaN(table.time[at(index)]) ? 0.6 : 1),
      getIcon: (_, { index }) => `${live.symbol.shape}:${this.#state(at(index))}`,
      getAngle: heading ? (_, { index }) => -(table.value(at(index), heading) || 0) : 0,
      alphaCutoff: 0.05,
      parameters: ON_TOP,
    });
  }

  #columns() {
    const { table, live, zoom } = this.props;
    const { at, ...base } = this.#base('column');
    const metresPerPixel = (78271.5 * Math.cos((36 * Math.PI) / 180)) / 2 ** zoom;
    const property = live.properties.find((p) => p.id === live.height);
    const [low, high] = property?.range ?? [0, 1];
    const share = (row) => Math.min(1, (table.value(row, live.height) - low) / (high - low));
    return new ColumnLayer(base, {
      diskResolution: 12,
      radius: Math.max(5, 3.2 * metresPerPixel),
      extruded: true,
      material: { ambient: 0.55, diffuse: 0.5, shininess: 8 },
      getElevation: (_, { index }) => Math.max(share(at(index)) || 0, 0.02) * 34 * metresPerPixel,
      getFillColor: (_, { index }) => {
        const state = this.#state(at(index));
        if (state === 'stale') return rgb(QUIET, 80);
        if (state !== 'normal') return rgb(SEVERITY_COLOUR[state], 235);
        const light = 84 + Math.round(76 * (share(at(index)) || 0)); // fuller is lighter, still grey
        return [light - 8, light + 3, light + 13, 170];
      },
    });
  }

  #numbers(isColumn) {
    const { table, live } = this.props;
    const { at, ...base } = this.#base('number');
    const written = live.properties.filter((p) => p.kind === 'number').sort((a, b) => (b.id === live.symbol.value) - (a.id === live.symbol.value));
    return new TextLayer(base, {
      characterSet: GLYPHS,
      fontFamily: 'Pretendard',
      fontWeight: 600,
      fontSettings: { sdf: true, fontSize: 48, buffer: 8, radius: 14 },
      getText: (_, { index }) => {
        const property = written.find((p) => !Number.isNaN(table.value(at(index), p.id))); // a gauge of another kind writes its own
        return property ? formatNumber(table.value(at(index), property.id), property) : '';
      },
      getSize: 12,
      getColor: (_, { index }) => {
        const state = this.#state(at(index));
        return rgb(SEVERITY_COLOUR[state] ?? (state === 'stale' ? QUIET : '#dde4ea'));
      },
      outlineColor: rgb(INK),
      outlineWidth: 3,
      getPixelOffset: isColumn ? [0, 12] : [0, 18],
      pickable: false,
      parameters: ON_TOP,
    });
  }
}

/** A share of one is written in percent; what is not known is not written. */
export function formatNumber(value, { unit, range, decimals, kind }) {
  if (Number.isNaN(value) || kind !== 'number') return '';
  if (unit === '1' && range?.[1] === 1) return `${Math.round(value * 100)}%`;
  return value.toFixed(Math.min(decimals, 1)).replace('-', '–');
}
