// What the page sees: window.gunsan_twin = {TwinMap, Engine, base}; a page without Dash makes its own Engine.
import 'maplibre-gl/dist/maplibre-gl.css';
import { Engine } from './engine.js';
import TwinMap, { base } from './twin_map.js';

window.gunsan_twin = { TwinMap, Engine, base };
