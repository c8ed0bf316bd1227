// Alarms that stand at assets, drawn as rings over everything, also when their layer is switched off.
import { IconLayer } from '@deck.gl/layers';

const ORDER = ['caution', 'alarm', 'danger'];

export class Alarms {
  constructor(root, onChange) {
    this.root = root;
    this.onChange = onChange;
    this.list = [];
    this.query = ''; // of another moment than now
    this.tries = 0;
  }

  /** Read the standing alarms; calls that come close together become one. */
  refresh(delay = 250) {
    this.timer ??= setTimeout(async () => {
      this.timer = null;
      try {
        const response = await fetch(`${this.root}/api/alarms?${this.query}`);
        if (!response.ok) throw new Error(`alarms: ${response.status}`);
        this.list = worstPerAsset((await response.json()).alarms);
        this.tries = 0;
        this.onChange();
      } catch (error) {
        console.warn(String(error));
        this.tries += 1;
        this.refresh(Math.min(1000 * 2 ** this.tries, 30000));
      }
    }, delay);
  }

  get unacknowledged() {
    return this.list.filter((a) => a.state === 'UNACK');
  }

  close() {
    clearTimeout(this.timer);
    this.timer = 0;
  }

  /** Steady rings for what is acknowledged; blinking only for what is not. */
  layers(icons, isLit) {
    const ring = (id, data, extra) =>
      new IconLayer({
        id,
        data,
        iconAtlas: icons.canvas,
        iconMapping: icons.mapping,
        getIcon: (a) => `ring:${a.severity}`,
        getPosition: (a) => [a.lon, a.lat],
        sizeUnits: 'pixels',
        pickable: false,
        parameters: { depthCompare: 'always', depthWriteEnabled: false },
        ...extra,
      });
    return [
      ring('alarm-steady', this.list.filter((a) => a.state !== 'UNACK'), { getSize: 40, opacity: 0.75 }),
      ring('alarm-new', this.unacknowledged, { getSize: 54, opacity: isLit ? 1 : 0.25 }),
    ];
  }
}

/** One ring an asset: its worst severity, new as long as one of its alarms is. */
function worstPerAsset(alarms) {
  const rings = new Map();
  for (const alarm of alarms.filter((a) => a.lon !== null && a.state !== 'NORM')) {
    const known = rings.get(alarm.asset);
    const worst = known && ORDER.indexOf(known.severity) > ORDER.indexOf(alarm.severity) ? known : alarm;
    const isNew = alarm.state === 'UNACK' || known?.state === 'UNACK';
    rings.set(alarm.asset, { ...worst, state: isNew ? 'UNACK' : worst.state });
  }
  return [...rings.values()].sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
}
