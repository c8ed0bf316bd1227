// The base map in code: sea, ground, roads by rank, borders, buildings, names. Nothing from outside, no glyph files.
import { SEVERITY_COLOUR } from './palette.js';

const FONT = ['Pretendard'];
const SEA = '#0d1217';
const SLOW = '#8f7443';
const JAM = '#c0683a';
const byRank = (a, b, c, d, e) => ['match', ['get', 'rank'], [101, 102], a, [103], b, [104, 105], c, [106], d, e];
const width = (stops, byRankOf) => ['interpolate', ['exponential', 1.5], ['zoom'], ...stops.flatMap(([z, k]) => [z, byRankOf(k)])];
const roadWidth = width([[9, 0.35], [12, 1], [15, 3.2], [18, 15]], (k) => byRank(2.2 * k, 1.9 * k, 1.5 * k, 1.0 * k, 0.8 * k));

/** What lies beyond the city's box is not known: neither land nor sea. The box is CITY_BBOX of twin/crs.py [deg, WGS84]. */
const BEYOND = { type: 'Polygon', coordinates: [[[120, 30], [134, 30], [134, 42], [120, 42], [120, 30]], [[126.2, 35.7], [126.2, 36.1], [126.95, 36.1], [126.95, 35.7], [126.2, 35.7]]] };

export function baseStyle(origin) {
  const tiles = (name, minzoom, maxzoom) => ({ type: 'vector', tiles: [`${origin}/tiles/${name}/{z}/{x}/{y}.mvt`], minzoom, maxzoom });
  return {
    version: 8,
    light: { anchor: 'map', position: [1.2, 210, 35], intensity: 0.28, color: '#ffffff' },
    sources: { beyond: { type: 'geojson', data: BEYOND }, ground: tiles('ground', 8, 15), building: tiles('building', 13, 15) },
    layers: [
      { id: 'land', type: 'background', paint: { 'background-color': '#191e24' } },
      area('land-use', 'land_use', { 'fill-color': ['match', ['get', 'kind'], 'hill', '#1b2322', 'park', '#1b2322', 'industry', '#1f2328', 'airport', '#20252b', 'built', '#1c2127', 'tidal_flat', '#151b20', '#191e24'] }, ['!=', ['get', 'kind'], 'tidal_flat']),
      area('water', 'water_body', { 'fill-color': SEA, 'fill-antialias': true }),
      area('tidal-flat', 'land_use', { 'fill-color': '#161c21' }, ['==', ['get', 'kind'], 'tidal_flat']),
      line('water-edge', 'water_body', { 'line-color': '#2a343d', 'line-width': ['interpolate', ['linear'], ['zoom'], 9, 0.6, 15, 1.4] }),
      line('coast', 'coast', { 'line-color': ['match', ['get', 'kind'], ['seawall', 'barrage'], '#56626e', 'quay', '#48535e', '#2f3942'], 'line-width': ['interpolate', ['linear'], ['zoom'], 9, 0.8, 15, 2.4] }),
      area('market', 'market', { 'fill-color': '#2a2f36', 'fill-outline-color': '#56626e' }, undefined, 13),
      line('road-casing', 'road_link', { 'line-color': '#12161a', 'line-width': width([[13, 1.6], [15, 4.6], [18, 18]], (k) => byRank(2.2 * k, 1.9 * k, 1.5 * k, k, 0.8 * k)) }, undefined, 13),
      line('road', 'road_link', { 'line-color': byRank('#46515c', '#414b55', '#37414a', '#2d353d', '#282f36'), 'line-width': roadWidth }, ['any', ['<=', ['get', 'rank'], 104], ['all', ['<=', ['get', 'rank'], 106], ['>=', ['zoom'], 11.5]], ['>=', ['zoom'], 13]]),
      line('railway', 'railway', { 'line-color': '#3b4550', 'line-width': ['interpolate', ['linear'], ['zoom'], 9, 0.8, 15, 2], 'line-dasharray': [4, 2] }),
      line('border', 'admin_unit', { 'line-color': '#3a444e', 'line-width': ['interpolate', ['linear'], ['zoom'], 9, 0.6, 14, 1.2], 'line-dasharray': [3, 2] }),
      { ...line('traffic', 'road_link', {}), layout: { visibility: 'none' } }, // above it: lines that live layers and runs colour
      buildings(),
      { id: 'beyond', type: 'fill', source: 'beyond', paint: { 'fill-color': '#14181d' } },
      { id: 'beyond-edge', type: 'line', source: 'beyond', paint: { 'line-color': '#2a343d', 'line-dasharray': [2, 3] } },
      ...labels(),
    ],
  };
}

const common = (id, type, layer, paint, filter, minzoom) => ({ id, type, source: 'ground', 'source-layer': layer, paint, ...(filter && { filter }), ...(minzoom && { minzoom }) });
const area = (id, layer, paint, filter, minzoom) => common(id, 'fill', layer, paint, filter, minzoom);
const line = (id, layer, paint, filter, minzoom) => ({ ...common(id, 'line', layer, paint, filter, minzoom), layout: { 'line-cap': 'round', 'line-join': 'round' } });

/** A live layer's speed as share of the limit: free flow stays grey, the slower the wider and the warmer; never as bright as an alarm. */
export function trafficLine(id) {
  const ratio = ['coalesce', ['feature-state', id], -1];
  const colour = ['case', ['<', ratio, 0], 'rgba(0,0,0,0)', ['<', ratio, 0.25], JAM, ['<', ratio, 0.45], SLOW, '#6b7783'];
  const wide = (k) => ['case', ['<', ratio, 0], 0, ['<', ratio, 0.25], 2.2 * k, ['<', ratio, 0.45], 1.3 * k, 0.7 * k];
  const layer = line(id, 'road_link', {
    'line-color': colour,
    'line-width': width([[10, 0.8], [13, 1.6], [17, 5]], wide),
    'line-offset': ['interpolate', ['linear'], ['zoom'], 12, 0, 15, 2.5, 18, 8],
  });
  return { ...layer, layout: { ...layer.layout, visibility: 'none' } };
}

function buildings() {
  const height = ['coalesce', ['get', 'height_m'], 6];
  const state = ['coalesce', ['feature-state', 'severity'], 'none'];
  return {
    id: 'building',
    type: 'fill-extrusion',
    source: 'building',
    'source-layer': 'building',
    minzoom: 13,
    layout: { visibility: 'none' }, // the dearest layer: it comes after the first picture
    paint: {
      'fill-extrusion-color': ['match', state, 'danger', SEVERITY_COLOUR.danger, 'alarm', SEVERITY_COLOUR.alarm, 'caution', SEVERITY_COLOUR.caution, 'selected', '#56b4e9', ['interpolate', ['linear'], height, 3, '#29303a', 20, '#323a45', 60, '#404a56']],
      'fill-extrusion-height': ['interpolate', ['linear'], ['zoom'], 13, 0, 14, height],
      'fill-extrusion-vertical-gradient': true,
    },
  };
}

/** Names come from the point layer `label` {kind, name_ko, name_en}; one point a name, so none is written twice. */
function labels() {
  const name = (id, kinds, minzoom, size, paint, layout = {}) => ({
    id,
    type: 'symbol',
    source: 'ground',
    'source-layer': 'label',
    minzoom,
    filter: ['match', ['get', 'kind'], kinds, true, false],
    layout: { 'text-field': ['get', 'name_ko'], 'text-font': FONT, 'text-size': size, 'text-max-width': 7, 'text-padding': 6, ...layout },
    paint: { 'text-halo-color': '#11161b', 'text-halo-width': 1.4, ...paint },
  });
  const street = name('label-road', ['x'], 14, 11, { 'text-color': '#7d8893' }, { 'symbol-placement': 'line', 'symbol-spacing': 400 });
  return [
    { ...street, 'source-layer': 'road_link', filter: ['all', ['has', 'name_ko'], ['<=', ['get', 'rank'], 106]] },
    name('label-water', ['sea', 'estuary', 'river', 'stream', 'reservoir'], 9, 12, { 'text-color': '#7c90a3', 'text-halo-color': SEA }, { 'text-letter-spacing': 0.15 }),
    name('label-ground', ['hill', 'park', 'industry', 'airport', 'tidal_flat', 'coast', 'seawall', 'barrage', 'quay'], 11, 11, { 'text-color': '#8b97a2' }),
    name('label-place', ['market', 'hall', 'station', 'hospital', 'fire', 'police'], 13, 11.5, { 'text-color': '#a9b4be' }),
    name('label-unit', ['eup', 'myeon', 'dong', 'unit'], 9.5, ['interpolate', ['linear'], ['zoom'], 9.5, 11, 14, 15], { 'text-color': '#c9d2da' }, { 'text-letter-spacing': 0.04, 'text-anchor': 'bottom', 'text-offset': [0, -1.1] }),
  ];
}

export function setLabelLanguage(map, language) {
  const field = language === 'en' ? ['coalesce', ['get', 'name_en'], ['get', 'name_ko']] : ['get', 'name_ko'];
  for (const { id } of map.getStyle().layers) if (id.startsWith('label-')) map.setLayoutProperty(id, 'text-field', field);
}
