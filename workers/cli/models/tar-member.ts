import { assert } from '../../../src/kernel/assert.ts';

const BLOCK_BYTES = 512;
const NAME_BYTES = 100;
const SIZE_FROM = 124;
const SIZE_TO = 136;

/** The contents of the file `name` in an uncompressed tar archive, as a view. Throws when there is none. */
export function tarMember(archive: Buffer, name: string): Buffer {
  for (let at = 0; at + BLOCK_BYTES <= archive.length;) {
    const header = archive.subarray(at, at + BLOCK_BYTES);
    const size = Number.parseInt(header.toString('latin1', SIZE_FROM, SIZE_TO), 8);
    const from = at + BLOCK_BYTES;
    if (header.toString('latin1', 0, NAME_BYTES).replace(/\0.*$/s, '') === name) return archive.subarray(from, from + size);
    if (Number.isNaN(size)) break;
    at = from + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
  }
  assert(false, `the archive holds ${name}`);
}
