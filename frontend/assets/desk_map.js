// A still map: tiles of the city with something drawn on it. Where an incident is, what an alert covers.
(function () {
  const TILE = 256;
  const [MOST, LEAST] = [17, 9];
  const SVG = 'http://www.w3.org/2000/svg';
  const toX = (lon, z) => ((lon + 180) / 360) * 2 ** z * TILE;
  const toY = (lat, z) => ((1 - Math.asinh(Math.tan((lat * Math.PI) / 180)) / Math.PI) / 2) * 2 ** z * TILE;
  const toLon = (x, z) => (x / (2 ** z * TILE)) * 360 - 180;
  const toLat = (y, z) => (Math.atan(Math.sinh(Math.PI * (1 - (2 * y) / (2 ** z * TILE)))) * 180) / Math.PI;

  function svg(tag, facts, text) {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(facts)) made.setAttribute(name, value);
    if (text) made.textContent = text;
    return made;
  }
  /**
   * Draw into a box.
   * shapes: [{points: [[lon, lat], ...], kind}] polygons or lines; marks: [{lon, lat, kind, text}]; onPick(lon, lat).
   */
  function draw(box, { shapes = [], marks = [], onPick, most = MOST }) {
    const [width, height] = [box.clientWidth || 600, box.clientHeight || 300];
    const all = [...shapes.flatMap((one) => one.points), ...marks.map((one) => [one.lon, one.lat])];
    if (!all.length) return;
    const [west, east] = [Math.min(...all.map((p) => p[0])), Math.max(...all.map((p) => p[0]))];
    const [south, north] = [Math.min(...all.map((p) => p[1])), Math.max(...all.map((p) => p[1]))];
    let z = Math.min(most, MOST);
    while (z > LEAST && (toX(east, z) - toX(west, z) > width * 0.8 || toY(south, z) - toY(north, z) > height * 0.76)) z -= 1;
    const left = Math.round((toX(west, z) + toX(east, z)) / 2 - width / 2);
    const top = Math.round((toY(north, z) + toY(south, z)) / 2 - height / 2);
    const at = ([lon, lat]) => [toX(lon, z) - left, toY(lat, z) - top];
    const tiles = [];
    for (let x = Math.floor(left / TILE); x * TILE < left + width; x++)
      for (let y = Math.floor(top / TILE); y * TILE < top + height; y++) {
        const image = Object.assign(new Image(TILE, TILE), { src: `/tiles/raster/${z}/${x}/${y}.png`, alt: '', draggable: false });
        image.style.cssText = `left:${x * TILE - left}px;top:${y * TILE - top}px`;
        tiles.push(image);
      }
    const over = svg('svg', { width, height, viewBox: `0 0 ${width} ${height}` });
    for (const { points, kind } of shapes) over.append(svg('path', { class: `is-${kind}`, d: `M${points.map((p) => at(p).map((n) => n.toFixed(1)).join(',')).join('L')}` }));
    const texts = [];
    for (const { lon, lat, kind, text } of marks) {
      const [x, y] = at([lon, lat]);
      over.append(svg('circle', { class: `is-${kind}`, cx: x, cy: y, r: kind === 'place' ? 9 : 5 }));
      const isFree = !texts.some(([a, b]) => Math.abs(a - x) < 110 && Math.abs(b - y) < 16);
      if (text && isFree) over.append(svg('text', { x: x + 10, y: y + 4 }, text));
      if (text) texts.push([x, y]);
    }
    box.replaceChildren(...tiles, over);
    box.classList.toggle('is-picked', Boolean(onPick));
    box.onclick = onPick ? ({ offsetX, offsetY }) => onPick(toLon(left + offsetX, z), toLat(top + offsetY, z)) : null;
  }
  /** Return a ring round a place: sixteen corners at a distance [m], the first again at the end. */
  function ring(lon, lat, metres) {
    const [a, b] = [metres / (111320 * Math.cos((lat * Math.PI) / 180)), metres / 110950];
    const points = Array.from({ length: 16 }, (_, n) => [lon + a * Math.cos((n * Math.PI) / 8), lat + b * Math.sin((n * Math.PI) / 8)].map((v) => Number(v.toFixed(5))));
    return [...points, points[0]];
  }
  window.gunsan_still = { draw, ring };
})();
