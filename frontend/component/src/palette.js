// Colours: grey by default, colour only for the abnormal (Okabe-Ito), as RGB triples and CSS.
export const NORMAL = '#97a4b0';
export const QUIET = '#6d7985';
export const INK = '#0b0f13';
export const SEVERITY = ['none', 'caution', 'alarm', 'danger'];
export const SEVERITY_COLOUR = { caution: '#f0e442', alarm: '#e69f00', danger: '#d55e00' };
export const SELECTED = '#56b4e9';

export function rgb(hex, alpha = 255) {
  const n = parseInt(hex.slice(1), 16);
  return [n >> 16, (n >> 8) & 255, n & 255, alpha];
}
