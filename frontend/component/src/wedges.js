// Fields of view close up: assets that have a direction get a wedge; their facts are fetched once a view.
import { SolidPolygonLayer } from '@deck.gl/layers';
import { NORMAL, rgb } from './palette.js';

export const WEDGE_ZOOM = 16;
const METRE = 1 / 111320;

export class Wedges {
  constructor(id) {
    this.id = id;
    this.shapes = [];
  }

  async load(root, [w, s, e, n]) {
    const box = [w, s, e, n].map((v) => v.toFixed(4)).join(',');
    if (box === this.box) return false;
    this.box = box;
    const response = await fetch(`${root}/api/layers/${this.id}/items?limit=1000&bbox=${box}`);
    if (!response.ok || box !== this.box) return false;
    const { features } = await response.json();
    this.shapes = features.filter((f) => f.geometry && f.properties.attributes.direction_deg !== undefined).map(toWedge);
    return true;
  }

  layer() {
    return new SolidPolygonLayer({
      id: `${this.id}-wedge`,
      data: this.shapes,
      getPolygon: (d) => d,
      getFillColor: rgb(NORMAL, 15),
      parameters: { depthWriteEnabled: false },
    });
  }
}

function toWedge({ geometry, properties: { attributes } }) {
  const [lon, lat] = geometry.coordinates;
  const { direction_deg: direction, field_of_view_deg: view = 60, range_m: range = 50 } = attributes;
  const stretch = Math.cos((lat * Math.PI) / 180);
  const ring = [[lon, lat]];
  for (let k = 0; k <= 10; k++) {
    const angle = ((direction - view / 2 + (view * k) / 10) * Math.PI) / 180;
    ring.push([lon + (range * METRE * Math.sin(angle)) / stretch, lat + range * METRE * Math.cos(angle)]);
  }
  return ring;
}
