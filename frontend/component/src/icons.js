// One canvas with every mark: shape x state. Shapes are SVG paths on a 24 x 24 box, sent with the spec.
import { INK, NORMAL, QUIET, SELECTED, SEVERITY_COLOUR } from './palette.js';

const CELL = 64;
const STATES = { normal: NORMAL, stale: null, ...SEVERITY_COLOUR };

export function drawIcons(shapes) {
  const names = Object.keys(shapes);
  const cells = names.flatMap((shape) => Object.keys(STATES).map((state) => ({ shape, state })));
  const rings = [...Object.keys(SEVERITY_COLOUR), 'selected'];
  const columns = 8;
  const canvas = document.createElement('canvas');
  canvas.width = columns * CELL;
  canvas.height = Math.ceil((cells.length + rings.length) / columns) * CELL;
  const ink = canvas.getContext('2d');
  const mapping = {};
  const place = (name, k, draw) => {
    const [x, y] = [(k % columns) * CELL, Math.floor(k / columns) * CELL];
    mapping[name] = { x, y, width: CELL, height: CELL, mask: false };
    ink.save();
    ink.translate(x + 8, y + 8);
    ink.scale((CELL - 16) / 24, (CELL - 16) / 24);
    ink.lineJoin = 'round';
    draw();
    ink.restore();
  };
  cells.forEach(({ shape, state }, k) => place(`${shape}:${state}`, k, () => drawMark(ink, new Path2D(shapes[shape]), STATES[state])));
  rings.forEach((ring, k) => place(`ring:${ring}`, cells.length + k, () => drawRing(ink, shapes, ring)));
  return { canvas, mapping };
}

function drawMark(ink, path, colour) {
  ink.strokeStyle = INK;
  ink.lineWidth = 5;
  ink.stroke(path);
  if (colour) {
    ink.fillStyle = colour;
    ink.fill(path);
    return;
  }
  ink.fillStyle = '#1a2026';
  ink.fill(path);
  ink.strokeStyle = QUIET;
  ink.lineWidth = 2;
  ink.stroke(path);
}

function drawRing(ink, shapes, ring) {
  const path = new Path2D(ring === 'selected' ? 'M12 1a11 11 0 1 0 0 22a11 11 0 1 0 0-22z' : shapes[ring]);
  ink.strokeStyle = INK;
  ink.lineWidth = 4.4;
  ink.stroke(path);
  ink.strokeStyle = SEVERITY_COLOUR[ring] ?? SELECTED;
  ink.lineWidth = 2.4;
  ink.stroke(path);
}
