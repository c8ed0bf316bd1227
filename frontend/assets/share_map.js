// A map drawn by itself: streets, buildings and water of the share's area, the incident, what is around it, the way there.
(function () {
  const UNIT = 1e-6; // degree: coordinates are whole numbers of it, from the south-west corner
  const SIGNS = { danger: '#d55e00', alarm: '#e69f00', caution: '#c9a400' };
  const FILL = { land_use: { hill: 'green', park: 'green', built: 'built', industry: 'built', farm: 'green', tidal_flat: 'water' }, water_body: 'water', market: 'built', building: 'house' };

  window.gunsan_share_map = class ShareMap {
    constructor(canvas, { onChoose }) {
      Object.assign(this, { canvas, onChoose, context: canvas.getContext('2d'), assets: [], way: [], me: null, incident: null, drawn: 0, fingers: new Map() });
      new ResizeObserver(() => this.#resize()).observe(canvas);
      canvas.addEventListener('pointerdown', (event) => this.#press(event));
      canvas.addEventListener('pointermove', (event) => this.#move(event));
      for (const kind of ['pointerup', 'pointercancel']) canvas.addEventListener(kind, (event) => this.#release(event));
      canvas.addEventListener('wheel', (event) => {
        event.preventDefault();
        this.zoom(event.deltaY < 0 ? 1.25 : 0.8, event.offsetX, event.offsetY);
      }, { passive: false });
    }

    /** Take in the ground; its lines become paths once. */
    load(ground) {
      [this.west, this.south, this.east, this.north] = ground.area;
      this.narrow = Math.cos((((this.south + this.north) / 2) * Math.PI) / 180);
      this.parts = ground.parts.map(({ table, shapes }) => ({ table, shapes: shapes.map(([kind, isSurface, lines]) => ({ kind, path: this.#path(lines, isSurface) })) }));
      this.names = ground.names.map((one) => ({ ...one, at: this.place(one.lon, one.lat) }));
      this.home();
    }
    clear() {
      Object.assign(this, { parts: null, names: null, assets: [], way: [], me: null, incident: null });
      this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
      this.canvas.width = 1;
    }
    /** lon, lat -> x to the east, y to the south, in units as wide as one of latitude. */
    place(lon, lat) {
      return [((lon - this.west) / UNIT) * this.narrow, (this.north - lat) / UNIT];
    }
    #path(lines, isSurface) {
      const path = new Path2D();
      const height = (this.north - this.south) / UNIT;
      for (const line of lines) {
        let x = 0;
        let y = 0;
        for (let n = 0; n < line.length; n += 2) {
          x += line[n];
          y += line[n + 1];
          if (n) path.lineTo(x * this.narrow, height - y);
          else path.moveTo(x * this.narrow, height - y);
        }
        if (isSurface) path.closePath();
      }
      return path;
    }

    home() {
      const [x, y] = this.incident ? this.place(this.incident.lon, this.incident.lat) : this.place((this.west + this.east) / 2, (this.south + this.north) / 2);
      const span = Math.min(((this.north - this.south) / UNIT) * 0.55, 0.02 / UNIT); // some 2 km to begin with
      this.view = { x, y, scale: (this.canvas.clientHeight || 300) / span };
      this.draw();
    }
    fit(points) {
      const places = points.map(([lon, lat]) => this.place(lon, lat));
      const [xs, ys] = [places.map(([x]) => x), places.map(([, y]) => y)];
      const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
      this.view = { x: (x0 + x1) / 2, y: (y0 + y1) / 2, scale: 0.8 * Math.min(this.canvas.clientWidth / (x1 - x0 + 500), this.canvas.clientHeight / (y1 - y0 + 500)) };
      this.draw();
    }
    zoom(by, px = this.canvas.clientWidth / 2, py = this.canvas.clientHeight / 2) {
      const { view } = this;
      if (!view) return;
      const scale = Math.min(0.6, Math.max(0.003, view.scale * by));
      const [dx, dy] = [px - this.canvas.clientWidth / 2, py - this.canvas.clientHeight / 2];
      view.x += dx / view.scale - dx / scale;
      view.y += dy / view.scale - dy / scale;
      view.scale = scale;
      this.draw();
    }
    #resize() {
      const ratio = Math.min(window.devicePixelRatio || 1, 2.5);
      this.canvas.width = Math.round(this.canvas.clientWidth * ratio);
      this.canvas.height = Math.round(this.canvas.clientHeight * ratio);
      this.ratio = ratio;
      this.draw();
    }
    #press(event) {
      this.canvas.setPointerCapture(event.pointerId);
      this.fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
      this.moved = 0;
    }
    #move(event) {
      const before = this.fingers.get(event.pointerId);
      if (!before || !this.view) return;
      const now = [event.offsetX, event.offsetY];
      const others = [...this.fingers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      this.moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
      this.fingers.set(event.pointerId, now);
      if (others.length) {
        const [other] = others;
        const [was, is] = [Math.hypot(before[0] - other[0], before[1] - other[1]), Math.hypot(now[0] - other[0], now[1] - other[1])];
        if (was > 0) this.zoom(is / was, (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
      } else {
        this.view.x -= (now[0] - before[0]) / this.view.scale;
        this.view.y -= (now[1] - before[1]) / this.view.scale;
        this.draw();
      }
    }
    #release(event) {
      const at = this.fingers.get(event.pointerId);
      this.fingers.delete(event.pointerId);
      if (!at || this.moved > 8 || event.type === 'pointercancel' || !this.view) return;
      const near = this.assets.map((one) => ({ one, away: Math.hypot(this.#onScreen(one)[0] - at[0], this.#onScreen(one)[1] - at[1]) })).sort((a, b) => a.away - b.away)[0];
      this.onChoose(near && near.away < 26 ? near.one : null);
    }
    #onScreen({ lon, lat }) {
      const [x, y] = this.place(lon, lat);
      return [(x - this.view.x) * this.view.scale + this.canvas.clientWidth / 2, (y - this.view.y) * this.view.scale + this.canvas.clientHeight / 2];
    }

    draw() {
      if (!this.frame) this.frame = requestAnimationFrame(() => this.#paint());
    }
    #paint() {
      this.frame = null;
      if (!this.parts || !this.view || this.canvas.width < 2) return;
      const { context: c, view, ratio } = this;
      const style = getComputedStyle(document.documentElement);
      const colour = (name) => style.getPropertyValue(`--${name}`).trim();
      c.setTransform(1, 0, 0, 1, 0, 0);
      c.fillStyle = colour('land');
      c.fillRect(0, 0, this.canvas.width, this.canvas.height);
      const zoom = view.scale * ratio;
      c.setTransform(zoom, 0, 0, zoom, this.canvas.width / 2 - view.x * zoom, this.canvas.height / 2 - view.y * zoom);
      c.lineJoin = c.lineCap = 'round';
      const px = 1 / view.scale;
      for (const { table, shapes } of this.parts) {
        if (table === 'road_link') this.#roads(shapes, colour, px);
        else if (FILL[table]) {
          for (const { kind, path } of shapes) {
            const fill = typeof FILL[table] === 'string' ? FILL[table] : FILL[table][kind];
            if (!fill) continue;
            c.fillStyle = colour(fill);
            c.fill(path, 'evenodd');
          }
        } else {
          c.strokeStyle = colour('edge');
          c.lineWidth = 1.5 * px;
          for (const { path } of shapes) c.stroke(path);
        }
      }
      if (this.way.length) {
        c.beginPath();
        for (const [lon, lat] of this.way) c.lineTo(...this.place(lon, lat));
        for (const [line, width] of [['#ffffff', 9], ['#0072b2', 5.5]]) {
          c.strokeStyle = line;
          c.lineWidth = width * px;
          c.stroke();
        }
      }
      c.setTransform(ratio, 0, 0, ratio, 0, 0);
      this.#signs(colour, (one) => !one.rank);
      this.#words(colour);
      this.#signs(colour, (one) => one.rank);
      this.#pin(colour);
      this.drawn += 1;
    }
    #roads(shapes, colour, px) {
      const { context: c } = this;
      for (const [stroke, more] of [['edge', 2.4], ['road', 0]]) {
        for (const { kind, path } of shapes) {
          const isMain = Number(kind) <= 106;
          c.strokeStyle = colour(stroke === 'road' && isMain ? 'main' : stroke);
          c.lineWidth = Math.max(isMain ? 95 : 42, (isMain ? 4.5 : 1.6) * px) + more * px;
          c.stroke(path);
        }
      }
    }
    #words(colour) {
      const { context: c } = this;
      const taken = [];
      c.font = `600 13px ${getComputedStyle(this.canvas).fontFamily}`;
      c.textAlign = 'center';
      c.lineWidth = 3.5;
      c.strokeStyle = colour('land');
      c.fillStyle = colour('name');
      for (const one of this.names) {
        const text = (document.documentElement.lang === 'en' && one.name_en) || one.name_ko;
        const [x, y] = this.#onScreen(one);
        const half = c.measureText(text).width / 2 + 6;
        const box = [x - half, y - 14, x + half, y + 8];
        if (x < 0 || y < 0 || x > this.canvas.clientWidth || y > this.canvas.clientHeight || taken.some((b) => b[0] < box[2] && b[2] > box[0] && b[1] < box[3] && b[3] > box[1])) continue;
        taken.push(box);
        c.strokeText(text, x, y);
        c.fillText(text, x, y);
      }
    }
    #signs(colour, isMeant) {
      const { context: c } = this;
      c.lineWidth = 2;
      const taken = new Set(); // what is well and stands side by side is one dot
      for (const one of this.assets.filter(isMeant).sort((a, b) => a.rank - b.rank)) {
        const [x, y] = this.#onScreen(one);
        if (x < -20 || y < -20 || x > this.canvas.clientWidth + 20 || y > this.canvas.clientHeight + 20) continue;
        const cell = `${Math.round(x / 13)} ${Math.round(y / 13)}`;
        if (!one.rank && !one.isCamera && !one.isChosen && taken.has(cell)) continue;
        taken.add(cell);
        c.fillStyle = one.isCamera ? colour('text') : SIGNS[one.severity] ?? colour('soft');
        c.strokeStyle = colour('panel');
        c.beginPath();
        if (one.isCamera) c.rect(x - 8, y - 6, 16, 12);
        else if (one.rank) this.#triangle(x, y, 10);
        else c.arc(x, y, 5, 0, 7);
        c.fill();
        c.stroke();
        if (one.isChosen) {
          c.strokeStyle = colour('accent');
          c.beginPath();
          c.arc(x, y, 15, 0, 7);
          c.stroke();
        }
      }
      if (this.me) {
        const [x, y] = this.#onScreen(this.me);
        c.fillStyle = '#0072b2';
        c.strokeStyle = '#ffffff';
        c.beginPath();
        c.arc(x, y, 8, 0, 7);
        c.fill();
        c.stroke();
      }
    }
    #pin(colour) {
      const { context: c } = this;
      if (!this.incident) return;
      const [x, y] = this.#onScreen(this.incident);
      c.fillStyle = SIGNS[this.incident.severity] ?? colour('soft');
      c.strokeStyle = '#ffffff';
      c.lineWidth = 3;
      c.beginPath();
      c.arc(x, y - 22, 16, 0.8 * Math.PI, 0.2 * Math.PI);
      c.lineTo(x, y);
      c.closePath();
      c.stroke();
      c.fill();
      c.fillStyle = '#ffffff';
      c.font = '800 20px system-ui, sans-serif';
      c.textAlign = 'center';
      c.fillText('!', x, y - 15);
    }
    #triangle(x, y, r) {
      const { context: c } = this;
      c.moveTo(x, y - r);
      c.lineTo(x + r * 0.9, y + r * 0.7);
      c.lineTo(x - r * 0.9, y + r * 0.7);
      c.closePath();
    }
  };
})();
