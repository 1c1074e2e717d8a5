// AssemblyScript, built by `npm run build:wasm`. The layouts are those of nearest-centroids.ts and product-coder.ts. Strict SIMD only, and
// sums in an order that the data alone decides: every machine gets the same bits.

/** Components are clamped to it, once scaled to the learnt vectors' size: no square or sum of squares overflows a float32. */
const FARTHEST: f32 = 1099511627776;
/** A vector with nothing above it, scaled likewise, counts as zero. */
const TINY: f32 = 8.673617379884035e-19;
/** Quads of vectors that meet a group of centroids while it lies in the first cache. */
const BLOCK_QUADS: u32 = 8;

/**
 * Writes vectors as int16 codes, four side by side: [quads][pairs of components][4 vectors][2]. `ratios` gets one over the scale of each.
 * `rows` are float32, `stride` bytes apart, a multiple of 16, zeros past their dimensions.
 */
export function pack(rows: usize, count: u32, stride: u32, unit: f32, codeMax: f32, packed: usize, ratios: usize): void {
  for (let i: u32 = 0; i < count; i += 1) {
    const row = rows + i * stride;
    let most = f32x4.splat(0);
    for (let at = row; at < row + stride; at += 16) most = f32x4.max(most, f32x4.abs(clamped(at, unit)));
    most = f32x4.max(most, i64x2.shuffle(most, most, 1, 0));
    const largest = max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1));
    const inverse: f32 = largest < TINY ? 0 : codeMax / largest;
    store<f32>(ratios + i * 4, largest < TINY ? 1 : inverse);
    let out = packed + (i >> 2) * stride * 2 + (i & 3) * 4;
    for (let at = row; at < row + stride; at += 16) {
      const code = f32x4.floor(f32x4.add(f32x4.mul(clamped(at, unit), f32x4.splat(inverse)), f32x4.splat(0.5)));
      const whole = i32x4.trunc_sat_f32x4_s(code);
      const narrow = i16x8.narrow_i32x4_s(whole, whole);
      v128.store_lane<u32>(out, narrow, 0);
      v128.store_lane<u32>(out, narrow, 1, 16);
      out += 32;
    }
  }
}

function clamped(at: usize, unit: f32): v128 {
  const scaled = f32x4.mul(v128.load(at), f32x4.splat(unit));
  return f32x4.max(f32x4.min(scaled, f32x4.splat(FARTHEST)), f32x4.splat(-FARTHEST));
}

/**
 * The index of the nearest centroid to each packed vector, the first if several are, and its key: x.c - |c|^2/2 over the vector's scale.
 * Centroids are int16 codes, eight interleaved: [groups][pairs of components][8 centroids][2]; `scales` and `halves` (of |c|^2) are
 * float32, padding has 0 and infinity. `states` is scratch: 32 bytes for each vector of a block.
 */
export function nearest(
  packed: usize,
  count: u32,
  stride: u32,
  ratios: usize,
  centroids: usize,
  groups: u32,
  scales: usize,
  halves: usize,
  states: usize,
  places: usize,
  keys: usize,
): void {
  const quads = (count + 3) >> 2;
  for (let first: u32 = 0; first < quads; first += BLOCK_QUADS) {
    const last = min(quads, first + BLOCK_QUADS);
    for (let at = states; at < states + BLOCK_QUADS * 128; at += 32) {
      v128.store(at, f32x4.splat(-Infinity));
      v128.store(at, i32x4.splat(0), 16);
    }
    for (let group: u32 = 0; group < groups; group += 1) {
      for (let quad = first; quad < last; quad += 1) {
        meet(
          packed + quad * stride * 2,
          centroids + group * stride * 4,
          stride,
          ratios + quad * 16,
          scales + group * 32,
          halves + group * 32,
          group * 8,
          states + (quad - first) * 128,
        );
      }
    }
    for (let i = first * 4; i < min(count, last * 4); i += 1) choose(states + (i - first * 4) * 32, places + i * 4, keys + i * 4);
  }
}

/** Four vectors meet eight centroids. Products are exact: the vectors' codes are no longer than 32-bit sums allow. */
function meet(vectors: usize, centroids: usize, stride: u32, ratios: usize, scales: usize, halves: usize, place: u32, state: usize): void {
  let a0 = i32x4.splat(0);
  let a1 = i32x4.splat(0);
  let b0 = i32x4.splat(0);
  let b1 = i32x4.splat(0);
  let c0 = i32x4.splat(0);
  let c1 = i32x4.splat(0);
  let d0 = i32x4.splat(0);
  let d1 = i32x4.splat(0);
  const end = vectors + stride * 2;
  while (vectors < end) {
    const low = v128.load(centroids);
    const high = v128.load(centroids, 16);
    const a = v128.load32_splat(vectors);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(a, low));
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(a, high));
    const b = v128.load32_splat(vectors, 4);
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(b, low));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(b, high));
    const c = v128.load32_splat(vectors, 8);
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(c, low));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(c, high));
    const d = v128.load32_splat(vectors, 12);
    d0 = i32x4.add(d0, i32x4.dot_i16x8_s(d, low));
    d1 = i32x4.add(d1, i32x4.dot_i16x8_s(d, high));
    vectors += 16;
    centroids += 32;
  }
  for (let half = 0; half < 2; half += 1) {
    keep(state, a0, load<f32>(ratios), scales, halves, place);
    keep(state + 32, b0, load<f32>(ratios, 4), scales, halves, place);
    keep(state + 64, c0, load<f32>(ratios, 8), scales, halves, place);
    keep(state + 96, d0, load<f32>(ratios, 12), scales, halves, place);
    a0 = a1;
    b0 = b1;
    c0 = c1;
    d0 = d1;
    scales += 16;
    halves += 16;
    place += 4;
  }
}

/** Of each lane, the greater key and its index. */
function keep(state: usize, products: v128, ratio: f32, scales: usize, halves: usize, place: u32): void {
  const product = f32x4.mul(f32x4.convert_i32x4_s(products), v128.load(scales));
  const key = f32x4.sub(product, f32x4.mul(v128.load(halves), f32x4.splat(ratio)));
  const best = v128.load(state);
  const greater = f32x4.gt(key, best);
  const here = i32x4.add(i32x4.splat(place), i32x4(0, 1, 2, 3));
  v128.store(state, v128.bitselect(key, best, greater));
  v128.store(state, v128.bitselect(here, v128.load(state, 16), greater), 16);
}

function choose(state: usize, place: usize, key: usize): void {
  let bestKey = load<f32>(state);
  let bestPlace = load<u32>(state, 16);
  for (let lane: usize = 4; lane < 16; lane += 4) {
    const laneKey = load<f32>(state + lane);
    const lanePlace = load<u32>(state + lane, 16);
    if (laneKey > bestKey || (laneKey == bestKey && lanePlace < bestPlace)) {
      bestKey = laneKey;
      bestPlace = lanePlace;
    }
  }
  store<u32>(place, bestPlace);
  store<f32>(key, bestKey);
}

/**
 * Product codes of vectors against the centroids at `places` (of the layout above): of the residual r, e = r - coded r, in the direction
 * u = x/|x| the codes make |e|^2 + weight (e.u)^2 small. They start as the nearest codewords; then each is chosen anew, given the
 * others, up to `passes` times.
 *
 * `codebook`: float32 [subspaces][width][16 codewords]. `scratch`: float32, three rows of max(stride, subspaces * width) components, then
 * twice [subspaces][16]. Out: `nibbles` [count][subspaces], one a byte; `errors` |e|^2 and `biases` |c|^2/2 - |coded x|^2/2 as
 * float64. Unless `moments` is 0, the vectors are added to it: see `gather`.
 */
export function encode(
  rows: usize,
  count: u32,
  stride: u32,
  unit: f32,
  centroids: usize,
  scales: usize,
  factor: f32,
  places: usize,
  codebook: usize,
  subspaces: u32,
  width: u32,
  weight: f32,
  passes: u32,
  scratch: usize,
  nibbles: usize,
  errors: usize,
  biases: usize,
  moments: usize,
): void {
  const padded = max(stride, subspaces * width * 4);
  const direction = scratch + padded;
  const centre = direction + padded;
  const losses = centre + padded;
  const parallels = losses + subspaces * 64;
  for (let i: u32 = 0; i < count; i += 1) {
    const place = load<u32>(places + i * 4);
    const centroid = centroids + (place >> 3) * stride * 4 + (place & 7) * 4;
    prepareVector(rows + i * stride, stride, padded, unit, centroid, load<f32>(scales + place * 4) * factor, scratch);
    measure(scratch, direction, codebook, subspaces, width, losses, parallels, nibbles);
    const parallel = descend(subspaces, weight, passes, losses, parallels, nibbles);
    store<f64>(errors + i * 8, errorOf(subspaces, losses, nibbles));
    store<f64>(biases + i * 8, biasOf(centre, codebook, subspaces, width, nibbles));
    if (moments != 0) gather(moments, scratch, direction, subspaces, width, weight, parallel, parallels, nibbles);
    nibbles += subspaces;
  }
}

/** Writes the residual, the direction and the centroid, zeros up to `padded` bytes. */
function prepareVector(row: usize, stride: u32, padded: u32, unit: f32, centroid: usize, scale: f32, residual: usize): void {
  const direction = residual + padded;
  const centre = direction + padded;
  let squares = f32x4.splat(0);
  for (let at: u32 = 0; at < stride; at += 16) {
    const x = clamped(row + at, unit);
    squares = f32x4.add(squares, f32x4.mul(x, x));
    const codes = v128.load32_lane(centroid, v128.load32_zero(centroid), 1, 32);
    const whole = f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(codes)), f32x4.splat(scale));
    const c = f32x4.max(f32x4.min(whole, f32x4.splat(FARTHEST)), f32x4.splat(-FARTHEST));
    v128.store(residual + at, f32x4.sub(x, c));
    v128.store(direction + at, x);
    v128.store(centre + at, c);
    centroid += 64;
  }
  const pairs = f32x4.add(squares, i64x2.shuffle(squares, squares, 1, 0));
  const square = f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
  const inverse: f32 = square > 0 ? <f32>1 / sqrt<f32>(square) : 0;
  for (let at: u32 = 0; at < stride; at += 16) {
    v128.store(direction + at, f32x4.mul(v128.load(direction + at), f32x4.splat(inverse)));
  }
  for (let at = stride; at < padded; at += 4) {
    store<f32>(residual + at, 0);
    store<f32>(direction + at, 0);
    store<f32>(centre + at, 0);
  }
}

/** For each codeword the squared error and the error along the direction, within its subspace; the nearest codewords. */
function measure(
  residual: usize,
  direction: usize,
  codebook: usize,
  subspaces: u32,
  width: u32,
  losses: usize,
  parallels: usize,
  nibbles: usize,
): void {
  for (let m: u32 = 0; m < subspaces; m += 1) {
    let l0 = f32x4.splat(0);
    let l1 = f32x4.splat(0);
    let l2 = f32x4.splat(0);
    let l3 = f32x4.splat(0);
    let p0 = f32x4.splat(0);
    let p1 = f32x4.splat(0);
    let p2 = f32x4.splat(0);
    let p3 = f32x4.splat(0);
    for (let j: u32 = 0; j < width; j += 1) {
      const r = v128.load32_splat(residual);
      const u = v128.load32_splat(direction);
      const e0 = f32x4.sub(r, v128.load(codebook));
      const e1 = f32x4.sub(r, v128.load(codebook, 16));
      const e2 = f32x4.sub(r, v128.load(codebook, 32));
      const e3 = f32x4.sub(r, v128.load(codebook, 48));
      l0 = f32x4.add(l0, f32x4.mul(e0, e0));
      l1 = f32x4.add(l1, f32x4.mul(e1, e1));
      l2 = f32x4.add(l2, f32x4.mul(e2, e2));
      l3 = f32x4.add(l3, f32x4.mul(e3, e3));
      p0 = f32x4.add(p0, f32x4.mul(e0, u));
      p1 = f32x4.add(p1, f32x4.mul(e1, u));
      p2 = f32x4.add(p2, f32x4.mul(e2, u));
      p3 = f32x4.add(p3, f32x4.mul(e3, u));
      residual += 4;
      direction += 4;
      codebook += 64;
    }
    v128.store(losses, l0);
    v128.store(losses, l1, 16);
    v128.store(losses, l2, 32);
    v128.store(losses, l3, 48);
    v128.store(parallels, p0);
    v128.store(parallels, p1, 16);
    v128.store(parallels, p2, 32);
    v128.store(parallels, p3, 48);
    store<u8>(nibbles + m, least(l0, l1, l2, l3));
    losses += 64;
    parallels += 64;
  }
}

/** Which of 16 losses is least, but for their last four bits, in which the number lies; the first if several are. */
function least(l0: v128, l1: v128, l2: v128, l3: v128): i32 {
  // Floats that are not negative compare as integers.
  const mask = i32x4.splat(-16);
  const k0 = v128.or(v128.and(l0, mask), i32x4(0, 1, 2, 3));
  const k1 = v128.or(v128.and(l1, mask), i32x4(4, 5, 6, 7));
  const k2 = v128.or(v128.and(l2, mask), i32x4(8, 9, 10, 11));
  const k3 = v128.or(v128.and(l3, mask), i32x4(12, 13, 14, 15));
  let k = i32x4.min_s(i32x4.min_s(k0, k1), i32x4.min_s(k2, k3));
  k = i32x4.min_s(k, i32x4.shuffle(k, k, 2, 3, 0, 1));
  return min(i32x4.extract_lane(k, 0), i32x4.extract_lane(k, 1)) & 15;
}

/** Coordinate descent over the subspaces; returns the error along the direction that is left. */
function descend(subspaces: u32, weight: f32, passes: u32, losses: usize, parallels: usize, nibbles: usize): f32 {
  let sum: f32 = 0;
  for (let m: u32 = 0; m < subspaces; m += 1) sum += load<f32>(parallels + m * 64 + <u32>load<u8>(nibbles + m) * 4);
  for (let pass: u32 = 0; pass < passes; pass += 1) {
    let isSettled = true;
    for (let m: u32 = 0; m < subspaces; m += 1) {
      const loss = losses + m * 64;
      const parallel = parallels + m * 64;
      const code: u32 = load<u8>(nibbles + m);
      const others = sum - load<f32>(parallel + code * 4);
      const better: u32 = least(
        lossWith(loss, parallel, others, weight),
        lossWith(loss + 16, parallel + 16, others, weight),
        lossWith(loss + 32, parallel + 32, others, weight),
        lossWith(loss + 48, parallel + 48, others, weight),
      );
      if (better != code) {
        isSettled = false;
        store<u8>(nibbles + m, better);
        sum = others + load<f32>(parallel + better * 4);
      }
    }
    if (isSettled) break;
  }
  return sum;
}

function lossWith(loss: usize, parallel: usize, others: f32, weight: f32): v128 {
  const along = f32x4.add(f32x4.splat(others), v128.load(parallel));
  return f32x4.add(v128.load(loss), f32x4.mul(f32x4.splat(weight), f32x4.mul(along, along)));
}

function errorOf(subspaces: u32, losses: usize, nibbles: usize): f64 {
  let error: f64 = 0;
  for (let m: u32 = 0; m < subspaces; m += 1) error += <f64>load<f32>(losses + m * 64 + <u32>load<u8>(nibbles + m) * 4);
  return error;
}

/** -|c + w|^2/2 + |c|^2/2 = -w.(c + w/2) */
function biasOf(centre: usize, codebook: usize, subspaces: u32, width: u32, nibbles: usize): f64 {
  let bias: f64 = 0;
  for (let m: u32 = 0; m < subspaces; m += 1) {
    const codeword = codebook + <u32>load<u8>(nibbles + m) * 4;
    for (let j: u32 = 0; j < width; j += 1) {
      const w = <f64>load<f32>(codeword + j * 64);
      bias -= w * (<f64>load<f32>(centre) + 0.5 * w);
      centre += 4;
    }
    codebook += width * 64;
  }
  return bias;
}

/**
 * What the best codewords under these codes follow from, in float64, [subspaces][16] times: how many vectors have the codeword; the sum of
 * their targets r + weight u (others.u + r.u); the sum of the outer products of u, row by row from the diagonal on.
 */
function gather(
  moments: usize,
  residual: usize,
  direction: usize,
  subspaces: u32,
  width: u32,
  weight: f32,
  sum: f32,
  parallels: usize,
  nibbles: usize,
): void {
  const size = 8 * (1 + width + ((width * (width + 1)) >> 1));
  for (let m: u32 = 0; m < subspaces; m += 1) {
    const code: u32 = load<u8>(nibbles + m);
    let along = <f64>sum - <f64>load<f32>(parallels + m * 64 + code * 4);
    for (let j: u32 = 0; j < width * 4; j += 4) along += <f64>load<f32>(residual + j) * <f64>load<f32>(direction + j);
    let at = moments + (m * 16 + code) * size;
    store<f64>(at, load<f64>(at) + 1);
    for (let j: u32 = 0; j < width * 4; j += 4) {
      at += 8;
      store<f64>(at, load<f64>(at) + <f64>load<f32>(residual + j) + <f64>weight * <f64>load<f32>(direction + j) * along);
    }
    for (let i: u32 = 0; i < width * 4; i += 4) {
      const u = <f64>load<f32>(direction + i);
      for (let j = i; j < width * 4; j += 4) {
        at += 8;
        store<f64>(at, load<f64>(at) + u * <f64>load<f32>(direction + j));
      }
    }
    residual += width * 4;
    direction += width * 4;
  }
}
