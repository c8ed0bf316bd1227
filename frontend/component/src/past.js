// Another moment than now: whole frames that are asked for, in place of the live stream. One request at a time.
import { decodeFrame } from './frame.js';

export class Past {
  constructor(root, onFrame) {
    Object.assign(this, { root, onFrame, wanted: null, isBusy: false });
  }

  /** `query` names the moment (as_of, valid_at, branch); what was asked for meanwhile is replaced by the newest wish. */
  async show(query, layers, bbox) {
    this.wanted = { query, layers, bbox };
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      while (this.wanted) {
        const wish = this.wanted;
        this.wanted = null;
        await this.#fetch(wish);
      }
    } catch (error) {
      console.warn('past:', error);
    } finally {
      this.isBusy = false;
    }
  }

  stop() {
    this.wanted = null;
    this.generation = (this.generation ?? 0) + 1;
  }

  async #fetch({ query, layers, bbox }) {
    if (!layers.length) return;
    const { generation } = this;
    const answer = await fetch(`${this.root}/api/frames?${query}&layers=${layers.join(',')}&bbox=${bbox.join(',')}`);
    if (!answer.ok) throw new Error(`frames: ${answer.status}`);
    const body = await answer.arrayBuffer();
    if (generation !== this.generation) return; // back at now meanwhile
    const view = new DataView(body);
    for (let at = 0; at < body.byteLength; ) {
      const end = at + 4 + view.getUint32(at, true);
      if (end > at + 4) this.onFrame(decodeFrame(body.slice(at + 4, end)));
      at = end;
    }
  }
}
