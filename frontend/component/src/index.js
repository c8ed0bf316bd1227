// What the page sees: window.gunsan_twin = {TwinMap}.
import 'maplibre-gl/dist/maplibre-gl.css';
import TwinMap from './twin_map.js';

window.gunsan_twin = { TwinMap };
