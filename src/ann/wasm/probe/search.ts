/** Units of the scan that lists lie behind the best one at most, to be compared by keys. */
export const WINDOW: u32 = 512;

/** Units of the scan whose lists are ordered at once: a part of the window. */
export const SLICE: u32 = 64;

/** Nibbles whose sum fits 8 bits, but for saturation. */
export const CHUNK: u32 = 64;

/** The fields of a search in memory: those of `SEARCH` in lists/probe-kernels.ts, in the same order. Addresses unless noted. */
@unmanaged
export class Search {
  // The directory of lists: how many, and columns.
  lists: u32;
  listCodes: u32;
  listScales: u32;
  listBiases: u32;
  listReaches: u32;
  listFirsts: u32;
  listCounts: u32;
  listUsed: u32;
  tick: u32;
  // Bytes and flags.
  stride: u32;
  dimensions: u32;
  nibbles: u32;
  rowsAt: u32;
  cellShift: u32;
  record: u32;
  isDistance: u32;
  hasLow: u32;
  // Scratch.
  query: u32;
  raw: u32;
  tables: u32;
  ranks: u32;
  depths: u32;
  order: u32;
  sliceCounts: u32;
  keys: u32;
  keyCount: u32;
  candidates: u32;
  candidatesMax: u32;
  closeness: u32;
  rows: u32;
  addresses: u32;
  lows: u32;
  heap: u32;
  bitmap: u32;
  bitmapPages: u32;
  hits: u32;
  nibbleMask: u32;
  // Numbers.
  stop: i32;
  goal: u32;
  need: i32;
  atLeast: u32;
  found: u32;
  start: u32;
  slice: u32;
  ordered: u32;
  listsProbed: u32;
  codesScanned: u32;
  touched: u32;
  scales: u32;
  blockBytes: u32;
  queryScale: f64;
  queryLength: f64;
  inverse: f64;
  usualReach: f64;
  slack: f64;
  top: f64;
  nextTop: f64;
}
