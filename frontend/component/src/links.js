// Layers drawn as lines: an asset's value colours the road link that it names, through feature state.
import { trafficLine } from './style.js';

const PAGE = 2000;

export class Links {
  constructor(map, spec) {
    this.map = map;
    this.spec = spec;
    this.link = new Map(); // asset -> {link, limit}
    this.asset = new Map(); // link -> asset
    this.shown = new Map(); // link -> ratio in steps, so that only changes reach the map
    this.isVisible = false;
    this.id = `line-${spec.id}`;
  }

  async load(root) {
    let offset = 0;
    for (;;) {
      const page = await (await fetch(`${root}/api/layers/${this.spec.id}/items?limit=${PAGE}&offset=${offset}`)).json();
      for (const { id, properties } of page.features) {
        const { road_link: link, max_speed_kmh: limit } = properties.attributes;
        if (link === undefined) continue;
        this.link.set(id, { link, limit: limit || 60 });
        this.asset.set(link, id);
      }
      offset += page.numberReturned;
      if (!page.numberReturned || offset >= page.numberMatched) return;
    }
  }

  paint(table, nowS) {
    for (let r = 0; r < table.n; r++) {
      const known = this.link.get(table.asset[r]);
      if (!known) continue;
      const share = table.value(r, this.spec.symbol.value) / known.limit;
      const ratio = table.isStale(r, nowS) || Number.isNaN(share) ? -1 : Math.round(share * 20) / 20;
      if (this.shown.get(known.link) === ratio) continue;
      this.shown.set(known.link, ratio);
      this.map.setFeatureState({ source: 'ground', sourceLayer: 'road_link', id: known.link }, { [this.id]: ratio });
    }
  }

  show(isVisible) {
    if (isVisible === this.isVisible) return;
    this.isVisible = isVisible;
    if (!this.map.getLayer(this.id)) this.map.addLayer(trafficLine(this.id), 'building');
    this.map.setLayoutProperty(this.id, 'visibility', isVisible ? 'visible' : 'none');
  }

  pick(point) {
    if (!this.isVisible) return null;
    const box = [[point.x - 5, point.y - 5], [point.x + 5, point.y + 5]];
    const hit = this.map.queryRenderedFeatures(box, { layers: [this.id] }).find((f) => this.asset.has(f.id));
    return hit ? { layer: this.spec.id, asset: this.asset.get(hit.id) } : null;
  }
}
