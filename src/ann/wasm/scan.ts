// AssemblyScript, built by `npm run build:wasm`. Addresses and the columns of a page are those of scanner.ts and vector-page.ts.

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
    let products = multiplyFour(first, min(first + stride, last), min(first + 2 * stride, last), min(first + 3 * stride, last), stride);
    const inUse = (1 << min<u32>(4, count - slot)) - 1;
    let chosen = inUse & i32x4.bitmask(i32x4.eq(v128.load(namespaces + slot * 4), i32x4.splat(namespace)));
    // A single call site: only that is inlined.
    for (let pair = slot; chosen != 0; pair += 2) {
      boundTwo(products, pair, chosen & 3, scales, capacity, isDistance, scale, length, error, threshold);
      products = i64x2.shuffle(products, products, 1, 1);
      chosen >>= 2;
    }
  }
  return found;
}

/** The products of four vectors' codes with the query's. Exact: `queryCodeMax` keeps every sum within 32 bits. */
function multiplyFour(a: usize, b: usize, c: usize, d: usize, stride: u32): v128 {
  let sumA = i32x4.splat(0);
  let sumB = i32x4.splat(0);
  let sumC = i32x4.splat(0);
  let sumD = i32x4.splat(0);
  const end = QUERY + stride * 2;
  for (let at = QUERY; at < end; at += 16) {
    const query = v128.load(at);
    sumA = i32x4.add(sumA, i32x4.dot_i16x8_s(v128.load_ext<i8>(a), query));
    sumB = i32x4.add(sumB, i32x4.dot_i16x8_s(v128.load_ext<i8>(b), query));
    sumC = i32x4.add(sumC, i32x4.dot_i16x8_s(v128.load_ext<i8>(c), query));
    sumD = i32x4.add(sumD, i32x4.dot_i16x8_s(v128.load_ext<i8>(d), query));
    a += 8;
    b += 8;
    c += 8;
    d += 8;
  }
  // A transposition: lane i of the result is the sum of the lanes of the i-th.
  const ab = i32x4.add(i32x4.shuffle(sumA, sumB, 0, 4, 1, 5), i32x4.shuffle(sumA, sumB, 2, 6, 3, 7));
  const cd = i32x4.add(i32x4.shuffle(sumC, sumD, 0, 4, 1, 5), i32x4.shuffle(sumC, sumD, 2, 6, 3, 7));
  return i32x4.add(i64x2.shuffle(ab, cd, 0, 2), i64x2.shuffle(ab, cd, 1, 3));
}

/** Bounds the closeness of the vectors at `slot` and `slot + 1`, whose products are the first two lanes; `chosen` has a bit for each. */
function boundTwo(
  products: v128,
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
  let centre = f64x2.mul(f64x2.mul(f64x2.convert_low_i32x4_s(products), v128.load(scales + slot * 8)), f64x2.splat(scale));
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
