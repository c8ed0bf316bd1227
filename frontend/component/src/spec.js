// From the pydeck spec to deck.gl layers: `@@type` classes through the JSONConverter, `data: "live://<layer>"` to tables.
import { JSONConverter } from '@deck.gl/json';
import { ScatterplotLayer, PathLayer, PolygonLayer, IconLayer, TextLayer, ColumnLayer } from '@deck.gl/layers';
import { MarkLayer } from './marks.js';

const LIVE = 'live://';
const converter = new JSONConverter({
  configuration: { classes: { MarkLayer, ScatterplotLayer, PathLayer, PolygonLayer, IconLayer, TextLayer, ColumnLayer } },
});

/** Layer specs that name a live stream, keyed by layer id. */
export function liveSpecs(spec) {
  const entries = (spec?.layers ?? []).filter((l) => typeof l.data === 'string' && l.data.startsWith(LIVE));
  return new Map(entries.map((l) => [l.data.slice(LIVE.length), toSpec(l)]));
}

function toSpec(layer) {
  const { live } = layer;
  return { ...live, intervalS: live.interval_s, staleAfterS: live.stale_after_s, isMoving: live.is_moving };
}

/** Convert the spec once: templates to clone with what changes. */
export function toTemplates(spec) {
  return spec.layers.map((json) => {
    const live = typeof json.data === 'string' && json.data.startsWith(LIVE) ? json.data.slice(LIVE.length) : null;
    return { live, layer: converter.convert({ layer: live ? { ...json, data: [] } : json }).layer };
  });
}

/** `propsOf(liveId)` adds what only the engine knows (the table, icons, zoom), or null for a layer not to draw. */
export function toLayers(templates, propsOf) {
  return templates.map(({ live, layer }) => {
    const props = live ? propsOf(live) : {};
    return props && layer ? layer.clone(props) : null;
  });
}
