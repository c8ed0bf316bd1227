// What an analysis found, as areas, lines and points over the map: a colour and a width for each level, and its word.
import { Popup } from 'maplibre-gl';

const SOURCE = 'analysis';
const LEVEL = ['match', ['get', 'level'], 0, '#6b7783', 1, '#f0e442', 2, '#e69f00', 3, '#d55e00', '#56b4e9'];
const WIDE = ['match', ['get', 'level'], 0, 0.6, 1, 1, 2, 1.4, 2];
const kind = (...names) => ['in', ['geometry-type'], ['literal', names]];

export class Overlay {
  constructor(map, before) {
    this.map = map;
    const data = { type: 'FeatureCollection', features: [] };
    map.addSource(SOURCE, { type: 'geojson', data });
    map.addLayer({ id: 'analysis-area', type: 'fill', source: SOURCE, filter: kind('Polygon', 'MultiPolygon'), paint: { 'fill-color': LEVEL, 'fill-opacity': 0.42 } }, before);
    map.addLayer({ id: 'analysis-line', type: 'line', source: SOURCE, filter: kind('LineString', 'MultiLineString'), layout: { 'line-cap': 'round' }, paint: { 'line-color': LEVEL, 'line-width': ['interpolate', ['linear'], ['zoom'], 11, WIDE, 16, ['*', 4, WIDE]] } }, before);
    map.addLayer({ id: 'analysis-point', type: 'circle', source: SOURCE, filter: kind('Point', 'MultiPoint'), paint: { 'circle-color': LEVEL, 'circle-radius': ['+', 4, ['*', 2, ['get', 'level']]], 'circle-stroke-color': '#0b0f13', 'circle-stroke-width': 1.5 } });
  }

  show(found) {
    this.popup?.remove();
    this.map.getSource(SOURCE).setData(found ?? { type: 'FeatureCollection', features: [] });
  }

  /** Say what the analysis says of a place. */
  tell(point, at) {
    const layers = ['analysis-point', 'analysis-line', 'analysis-area'].filter((id) => this.map.getLayer(id));
    const [hit] = this.map.queryRenderedFeatures(point, { layers });
    this.popup?.remove();
    if (hit?.properties.text) this.popup = new Popup({ closeButton: false }).setLngLat(at).setText(hit.properties.text).addTo(this.map);
  }
}
