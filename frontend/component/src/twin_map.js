// TwinMap: the Dash component. React only holds the element; the engine does the rest.
import { Engine } from './engine.js';

const { createElement, useEffect, useRef } = window.React ?? {}; // a plain page has none, and uses the engine
export const base = new URL('.', document.currentScript.src).href.replace(/\/$/, '');

export default function TwinMap(props) {
  const box = useRef(null);
  const engine = useRef(null);
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    engine.current = new Engine(box.current, { ...latest.current, base }, (changes) => latest.current.setProps?.(changes));
    return () => engine.current.destroy();
  }, []);

  useEffect(() => engine.current.update({ ...props, base }));

  return createElement('div', { id: props.id, className: 'twin-map', role: 'application', 'aria-label': props.title }, createElement('div', { ref: box, className: 'twin-map-canvas' }));
}

TwinMap.dashPersistence = false;
