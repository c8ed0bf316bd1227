// Build dist/: twin_map.js (+ .css), MapLibre's worker, the Pretendard font, whole for the map and in pieces for plain pages.
import { build } from 'esbuild';
import { copyFile, cp, mkdir, rm } from 'node:fs/promises';

const out = new URL('./dist/', import.meta.url);
const from = (path) => new URL(`./node_modules/${path}`, import.meta.url);
await rm(out, { recursive: true, force: true });
await mkdir(out);
await build({
  entryPoints: [new URL('./src/index.js', import.meta.url).pathname],
  outfile: new URL('twin_map.js', out).pathname,
  bundle: true,
  format: 'iife',
  platform: 'browser',
  target: ['chrome110', 'firefox115', 'safari16.4'],
  minify: true,
  legalComments: 'linked',
  logLevel: 'warning',
  define: { 'process.env.NODE_ENV': '"production"' },
});
await copyFile(from('maplibre-gl/dist/maplibre-gl-worker.mjs'), new URL('maplibre-gl-worker.mjs', out));
await copyFile(from('pretendard/dist/web/variable/woff2/PretendardVariable.woff2'), new URL('PretendardVariable.woff2', out));
await copyFile(from('pretendard/dist/public/static/alternative/Pretendard-Regular.ttf'), new URL('Pretendard-Regular.ttf', out));
const pieces = 'pretendard/dist/web/variable';
await copyFile(from(`${pieces}/pretendardvariable-dynamic-subset.css`), new URL('pretendard.css', out));
await cp(from(`${pieces}/woff2-dynamic-subset`), new URL('woff2-dynamic-subset', out), { recursive: true });
