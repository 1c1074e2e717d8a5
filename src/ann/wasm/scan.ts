// AssemblyScript, built by `npm run build:wasm`. Addresses and the columns of a page are those of flat/scanner.ts.

import { products } from './shared/products';

/** Int16 codes of the query, zeros from its dimensions up to `stride`. */
const QUERY: usize = 0;
/** What a scan found: uint32 slots, float64 upper and float64 lower ends. */
const SLOTS: usize = 16384;
const CLOSEST: usize = 24576;
const GUARANTEED: usize = 40960;

let found: u32 = 0;

/**
 * Writes out the vectors of `namespace` among the first `count` of a page whose closeness to the query may reach `threshold`, with
 * the interval it lies in. Returns how many they are. `scale`, `length` and `error` are the query's.
 */
export function scan(
  page: usize,
  stride: u32,
  capacity: u32,
  count: u32,
  namespace: u32,
  isDistance: bool,
  scale: f64,
  length: f64,
  error: f64,
  threshold: f64,
): u32 {
  const scales = page + capacity * stride;
  const namespaces = scales + capacity * 32;
  const last = page + (count - 1) * stride;
  found = 0;
  for (let slot: u32 = 0; slot < count; slot += 4) {
    // Past the last vector, the last one is multiplied again.
    const first = page + slot * stride;
    let four = products(QUERY, stride, first, min(first + stride, last), min(first + 2 * stride, last), min(first + 3 * stride, last));
    const inUse = (1 << min<u32>(4, count - slot)) - 1;
    let chosen = inUse & i32x4.bitmask(i32x4.eq(v128.load(namespaces + slot * 4), i32x4.splat(namespace)));
    // A single call site: only that is inlined.
    for (let pair = slot; chosen != 0; pair += 2) {
      boundTwo(four, pair, chosen & 3, scales, capacity, isDistance, scale, length, error, threshold);
      four = i64x2.shuffle(four, four, 1, 1);
      chosen >>= 2;
    }
  }
  return found;
}

/** Bounds the closeness of the vectors at `slot` and `slot + 1`, whose products are the first two lanes; `chosen` has a bit for each. */
function boundTwo(
  four: v128,
  slot: u32,
  chosen: i32,
  scales: usize,
  capacity: u32,
  isDistance: bool,
  scale: f64,
  length: f64,
  error: f64,
  threshold: f64,
): void {
  const errors = v128.load(scales + (capacity + slot) * 8);
  const lengths = v128.load(scales + (2 * capacity + slot) * 8);
  let centre = f64x2.mul(f64x2.mul(f64x2.convert_low_i32x4_s(four), v128.load(scales + slot * 8)), f64x2.splat(scale));
  let margin: v128;
  if (isDistance) {
    // Moving either end of a distance by its error changes it by no more than the error: the triangle inequality.
    const squares = f64x2.add(f64x2.splat(length * length), f64x2.mul(lengths, lengths));
    centre = f64x2.neg(f64x2.sqrt(f64x2.max(f64x2.splat(0), f64x2.sub(squares, f64x2.add(centre, centre)))));
    margin = f64x2.add(errors, f64x2.splat(error));
  } else {
    // q.v - q'.v' = q.(v - v') + (q - q').v', each term bounded by Cauchy and Schwarz; |q| <= |q'| + |q - q'|.
    margin = f64x2.add(f64x2.mul(f64x2.splat(length + error), errors), f64x2.mul(f64x2.splat(error), lengths));
  }
  const closest = f64x2.add(centre, margin);
  const hits = chosen & i64x2.bitmask(f64x2.ge(closest, f64x2.splat(threshold)));
  if (hits == 0) return;
  const guaranteed = f64x2.sub(centre, margin);
  if (hits & 1) add(slot, f64x2.extract_lane(closest, 0), f64x2.extract_lane(guaranteed, 0));
  if (hits & 2) add(slot + 1, f64x2.extract_lane(closest, 1), f64x2.extract_lane(guaranteed, 1));
}

function add(slot: u32, closest: f64, guaranteed: f64): void {
  store<u32>(SLOTS + found * 4, slot);
  store<f64>(CLOSEST + found * 8, closest);
  store<f64>(GUARANTEED + found * 8, guaranteed);
  found += 1;
}
