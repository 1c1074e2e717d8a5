import type { Operation, PendingWrite } from '../../src/index/locators/locator-store.ts';

// 4 bytes with the length of the JSON; after it come the values, at a multiple of 4.
const HEADER_BYTES = 4;

/** An operation as bytes: its values as they lie in memory, everything else as JSON. */
export function encodeOperation(operation: Operation): Uint8Array {
  const { values, ...rest } = operation.kind === 'write' ? operation : { ...operation, values: new Float32Array(0) };
  const json = new TextEncoder().encode(JSON.stringify(rest));
  const start = Math.ceil((HEADER_BYTES + json.length) / 4) * 4;
  const bytes = new Uint8Array(start + values.byteLength);
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, HEADER_BYTES);
  bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), start);
  return bytes;
}

export function decodeOperation(bytes: Uint8Array<ArrayBuffer>): Operation {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const json = bytes.subarray(HEADER_BYTES, HEADER_BYTES + length);
  const operation = JSON.parse(new TextDecoder().decode(json)) as Exclude<Operation, PendingWrite> | Omit<PendingWrite, 'values'>;
  if (operation.kind !== 'write') return operation;
  const start = Math.ceil((HEADER_BYTES + length) / 4) * 4;
  return { ...operation, values: new Float32Array(bytes.slice(start).buffer) };
}
