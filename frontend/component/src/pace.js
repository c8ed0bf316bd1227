// Machines without a graphics processor draw a frame in a good part of a second: what they need to stay usable.
const KEY = 'gunsan-twin-software';
const POLL_MS = 4;
const FRAME_MS = 16;
const MOST_MS = 1200;

/** Whether the browser draws in software; asked once a tab, since asking takes a context. */
export function isSoftware() {
  let told = sessionStorage.getItem(KEY);
  if (told === null) {
    const gl = document.createElement('canvas').getContext('webgl2');
    const info = gl?.getExtension('WEBGL_debug_renderer_info');
    const name = gl ? gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER) : '';
    gl?.getExtension('WEBGL_lose_context')?.loseContext();
    told = String(/swiftshader|llvmpipe|softpipe|software|basic render/i.test(name));
    sessionStorage.setItem(KEY, told);
  }
  return told === 'true';
}

/** One frame at a time: frames wait for each other instead of queueing for seconds. */
export class Pace {
  /** `cost`: how long a frame takes beyond that of a screen that keeps up, from the wish to the last pixel [ms]. */
  constructor(map) {
    Object.assign(this, { map, cost: 0, isDrawing: false, isWanted: false, since: null });
    this.repaint = map.triggerRepaint.bind(map);
    map.triggerRepaint = () => this.#want();
    map.on('render', () => this.#drawn());
  }

  #want() {
    if (this.isDrawing) {
      this.isWanted = true;
      return;
    }
    this.since ??= performance.now();
    this.repaint();
  }

  /** The commands of a frame are given; wait until they are done. */
  #drawn() {
    if (this.isDrawing) return; // drawn out of turn
    this.isDrawing = true;
    const gl = this.map.getCanvas().getContext('webgl2');
    const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    const look = () => {
      if (fence && !gl.isContextLost() && gl.getSyncParameter(fence, gl.SYNC_STATUS) !== gl.SIGNALED) {
        setTimeout(look, POLL_MS);
        return;
      }
      gl.deleteSync(fence);
      const took = performance.now() - (this.since ?? performance.now()) - 2 * FRAME_MS;
      this.cost += 0.4 * (Math.min(MOST_MS, Math.max(0, took)) - this.cost);
      Object.assign(this, { isDrawing: false, since: null });
      if (!this.isWanted) return;
      this.isWanted = false;
      this.#want();
    };
    setTimeout(look);
  }
}
