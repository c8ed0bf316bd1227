// Rows of one layer as columns, upserted by asset; moving rows glide between reports and reckon on for a few seconds.
const RECKON_S = 5; // never invent more than this
const BLEND_S = 1;

export class Table {
  constructor(spec) {
    this.spec = spec;
    this.n = 0;
    this.gen = 0;
    this.at = 0;
    this.index = new Map();
    this.#grow(64);
  }

  apply(frame, now) {
    const { columns: c, n } = frame;
    const before = frame.full && this.spec.isMoving ? this.#shown() : null;
    if (frame.full) {
      this.n = 0;
      this.index.clear();
    }
    if (this.n + n > this.capacity) this.#grow(2 * (this.n + n));
    for (let i = 0; i < n; i++) {
      const asset = c.asset[i];
      let row = this.index.get(asset);
      const isNew = row === undefined;
      if (isNew) {
        if (!c.longitude) continue; // a delta of a row outside the view
        row = this.n++;
        this.index.set(asset, row);
        this.asset[row] = asset;
      }
      if (c.longitude) this.#place(row, c.longitude[i] * 1e-7, c.latitude[i] * 1e-7, c.time[i], now, isNew, before?.get(asset));
      this.time[row] = c.time[i];
      this.severity[row] = c.severity[i];
      this.spec.properties.forEach((p, k) => {
        if (c[p.id]) this.values[k][row] = c[p.id][i];
      });
    }
    this.gen = frame.gen;
    this.at = frame.at;
  }

  /** Move what is shown to `now` [ms]; true when anything moved. */
  glide(now) {
    if (!this.spec.isMoving) return false;
    let moved = false;
    for (let r = 0; r < this.n; r++) {
      const age = (now - this.heard[r]) / 1000;
      if (age > RECKON_S + 0.2) continue;
      const t = Math.min(age, RECKON_S);
      const left = Math.max(0, 1 - age / BLEND_S);
      this.lon[r] = this.toLon[r] + this.speedLon[r] * t + this.offLon[r] * left;
      this.lat[r] = this.toLat[r] + this.speedLat[r] * t + this.offLat[r] * left;
      moved ||= this.speedLon[r] !== 0 || this.speedLat[r] !== 0 || left > 0;
    }
    return moved;
  }

  value(row, id) {
    const k = this.spec.properties.findIndex((p) => p.id === id);
    return k < 0 ? NaN : this.values[k][row];
  }

  isStale(row, nowS) {
    const age = nowS - this.time[row];
    return !(age <= Math.max(this.spec.staleAfterS, 2 * this.spec.intervalS));
  }

  newest() {
    let newest = NaN;
    for (let r = 0; r < this.n; r++) if (!(this.time[r] <= newest)) newest = this.time[r];
    return newest;
  }

  #place(row, lon, lat, time, now, isNew, shown) {
    if (!this.spec.isMoving) {
      this.lon[row] = lon;
      this.lat[row] = lat;
      return;
    }
    const last = isNew ? shown : { lon: this.lon[row], lat: this.lat[row], toLon: this.toLon[row], toLat: this.toLat[row], time: this.time[row] };
    const dt = last ? time - last.time : NaN;
    const isTrack = dt >= 0.5 && dt <= Math.max(60, 3 * this.spec.intervalS);
    this.speedLon[row] = isTrack ? (lon - last.toLon) / dt : 0;
    this.speedLat[row] = isTrack ? (lat - last.toLat) / dt : 0;
    if (last && !(dt > 0) && last.toLon === lon) {
      this.speedLon[row] = 0;
      this.speedLat[row] = 0;
    }
    const isBlended = last && !(dt > Math.max(60, 3 * this.spec.intervalS)); // after a long silence it is simply there
    this.offLon[row] = isBlended ? last.lon - lon : 0;
    this.offLat[row] = isBlended ? last.lat - lat : 0;
    if (Math.abs(this.offLon[row]) + Math.abs(this.offLat[row]) > 0.02) this.offLon[row] = this.offLat[row] = 0; // a jump is shown as one
    this.toLon[row] = lon;
    this.toLat[row] = lat;
    this.heard[row] = now;
    this.lon[row] = lon + this.offLon[row];
    this.lat[row] = lat + this.offLat[row];
  }

  #shown() {
    const shown = new Map();
    for (const [asset, r] of this.index)
      shown.set(asset, { lon: this.lon[r], lat: this.lat[r], toLon: this.toLon[r], toLat: this.toLat[r], time: this.time[r] });
    return shown;
  }

  #grow(capacity) {
    const grown = (Type, old) => {
      const array = new Type(capacity);
      if (old) array.set(old.subarray(0, this.n));
      return array;
    };
    this.asset = grown(Uint32Array, this.asset);
    this.time = grown(Float64Array, this.time);
    this.severity = grown(Uint8Array, this.severity);
    for (const name of ['lon', 'lat']) this[name] = grown(Float64Array, this[name]);
    this.values = this.spec.properties.map((p, k) => grown(p.kind === 'time' ? Float64Array : Float32Array, this.values?.[k]));
    if (this.spec.isMoving)
      for (const name of ['toLon', 'toLat', 'speedLon', 'speedLat', 'offLon', 'offLat', 'heard']) this[name] = grown(Float64Array, this[name]);
    this.capacity = capacity;
  }
}
