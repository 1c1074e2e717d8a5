import { Search } from './search';

/** Makes every allowed entry of a block, which has `entries`, a candidate. Returns the next block. */
export function gather(s: Search, block: usize, entries: u32): u32 {
  const rows = block + s.rowsAt;
  for (let entry: u32 = 0; entry < entries; entry++) {
    const row = load<u32>(rows + entry * 4);
    const page = row >> 19;
    if (page >= s.bitmapPages) continue;
    const bits = load<u32>(s.bitmap + page * 4);
    if (bits == 0 || ((load<u32>(bits + ((row & 0x7ffff) >> 5) * 4) >> (row & 31)) & 1) == 0) continue;
    store<u32>(s.candidates + s.found * 8, block | entry, 4);
    s.found += 1;
  }
  return load<u32>(block + s.nibbles * 16);
}
