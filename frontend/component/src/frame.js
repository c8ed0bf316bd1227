// One binary STATE frame of /ws/live: u32 length, JSON header, then columns, each padded to 8 bytes (little endian).
const ARRAY = { u1: Uint8Array, u4: Uint32Array, i4: Int32Array, f4: Float32Array, f8: Float64Array };
const utf8 = new TextDecoder();

export function decodeFrame(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(utf8.decode(new Uint8Array(buffer, 4, length)));
  const columns = {};
  let at = 4 + length;
  for (const [name, type] of header.columns) {
    const Column = ARRAY[type];
    if (!Column) throw new Error(`frame of ${header.layer}: unknown column type ${type}`);
    columns[name] = new Column(buffer, at, header.n);
    at += Math.ceil((header.n * Column.BYTES_PER_ELEMENT) / 8) * 8;
  }
  return { ...header, columns };
}
