// The live connection: subscribe by layers and viewport, resume events, reconnect with backoff, tell the link's state.
import { decodeFrame } from './frame.js';

const SILENCE_MS = 12000; // two heartbeats of 5 s and a little
const BACKOFF_MS = [500, 1000, 2000, 4000, 8000, 15000];

/** Widen a box to a grid of powers of two, so that screens which look at about the same place share frames. */
export function snapOutward([west, south, east, north]) {
  const step = 2 ** Math.ceil(Math.log2(Math.max(east - west, north - south, 1e-4) / 4));
  const down = (v) => Math.floor(v / step) * step;
  const up = (v) => Math.ceil(v / step) * step;
  return [Math.max(down(west), -180), Math.max(down(south), -90), Math.min(up(east), 180), Math.min(up(north), 90)];
}

export class Live {
  constructor(url, { onFrame, onEvent, onLink, onWelcome }) {
    Object.assign(this, { url, onFrame, onEvent, onLink, onWelcome });
    this.link = null;
    this.tries = 0;
    this.epoch = null;
    this.seq = 0;
    this.wanted = null;
    this.sent = '';
    this.closed = false;
    this.watch = setInterval(() => this.#listenForSilence(), 1000);
    this.wake = () => this.socket?.readyState !== WebSocket.OPEN && this.#connect();
    window.addEventListener('online', this.wake);
    this.#connect();
  }

  subscribe(layers, bbox) {
    this.wanted = { layers: [...layers].sort(), bbox: snapOutward(bbox) };
    this.#send();
  }

  close() {
    this.closed = true;
    clearInterval(this.watch);
    clearTimeout(this.timer);
    window.removeEventListener('online', this.wake);
    this.socket?.close();
  }

  #connect() {
    if (this.closed || this.socket?.readyState === WebSocket.CONNECTING) return;
    clearTimeout(this.timer);
    this.#tell(this.tries ? 'lost' : 'connecting');
    const socket = new WebSocket(this.url);
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    socket.onopen = () => {
      this.heard = Date.now();
      this.sent = '';
      this.#send();
    };
    socket.onmessage = ({ data }) => this.#hear(data);
    socket.onclose = ({ code }) => socket === this.socket && this.#lose(code);
  }

  #hear(data) {
    this.heard = Date.now();
    this.tries = 0;
    this.#tell('live');
    if (typeof data !== 'string') return this.onFrame(decodeFrame(data));
    const message = JSON.parse(data);
    if (message.type === 'welcome') {
      if (this.epoch !== message.epoch) {
        this.epoch = message.epoch;
        this.seq = message.seq;
      }
      this.onWelcome(message);
    } else if (message.type === 'event' && message.seq > this.seq) {
      this.seq = message.seq;
      this.onEvent(message);
    } else if (message.type === 'error') {
      console.warn('live:', message.what);
    }
    return undefined;
  }

  #send() {
    if (!this.wanted || this.socket?.readyState !== WebSocket.OPEN) return;
    const text = JSON.stringify(this.wanted);
    if (text === this.sent) return;
    const resume = this.sent === '' && this.epoch ? { epoch: this.epoch, seq: this.seq } : null;
    this.sent = text;
    this.socket.send(JSON.stringify({ type: 'subscribe', ...this.wanted, resume }));
  }

  #lose(code) {
    if (this.closed) return;
    this.tries += 1;
    this.#tell('lost');
    if (code === 4401) window.location.reload(); // the session has ended: the form stands where the page was
    if (code === 4401 || code === 4403) return;
    const wait = BACKOFF_MS[Math.min(this.tries, BACKOFF_MS.length) - 1];
    this.timer = setTimeout(() => this.#connect(), wait * (0.5 + Math.random()));
  }

  #listenForSilence() {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    const silent = Date.now() - this.heard;
    if (silent > SILENCE_MS) this.#tell('stale');
    if (silent > 3 * SILENCE_MS) this.socket.close(); // half-open: start over
  }

  #tell(link) {
    if (link === this.link) return;
    this.link = link;
    this.onLink(link);
  }
}
