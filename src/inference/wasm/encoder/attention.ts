import { Lanes, ROUNDER } from './lanes';

// Products of attention are of codes of 16 bits, in which sums are exact: queries and keys in 12 bits, each token's by a scale of its own, so
// that 256 of their products fit 32 bits; probabilities in 15 bits and values in 16, whose products sum to 2^30, as probabilities sum to 1.
const KEY_MAX: f32 = 2047;
const VALUE_MAX: f32 = 32000;
const PROBABILITY_MAX: f32 = 32000;

/**
 * Attention of all tokens of one text: `states` has their queries, keys and values, of `hidden` numbers each, one after the other. What they
 * gather is written to `out`, rows of `hidden`. `scratch` has room as encoder-kernels.ts computes it.
 */
export function attend(states: usize, tokens: u32, hidden: u32, heads: u32, scratch: usize, out: usize): void {
  const size = hidden / heads;
  const keys = (tokens + 15) & ~15;
  const stateBytes = hidden * 12;
  const queryCodes = scratch;
  // Queries are read three at a time.
  const queryScales = queryCodes + (tokens + 2) * size * 2;
  const keyCodes = (queryScales + (tokens + 2) * 4 + 15) & ~15;
  const keyScales = keyCodes + keys * size * 2;
  const valueCodes = keyScales + keys * 4;
  const logits = valueCodes + keys * size * 2;
  const probabilities = logits + keys * 12;
  const inverseRoot: f32 = <f32>1 / sqrt<f32>(<f32>size);
  for (let head: u32 = 0; head < heads; head++) {
    const queries = states + head * size * 4;
    codeQueries(queries, stateBytes, tokens, size, inverseRoot, queryCodes, queryScales);
    codeKeys(queries + hidden * 4, stateBytes, tokens, keys, size, keyCodes, keyScales);
    const valueScale = codeValues(queries + hidden * 8, stateBytes, tokens, keys, size, valueCodes);
    for (let query: u32 = 0; query < tokens; query += 3) {
      const codes = queryCodes + query * size * 2;
      const scales = queryScales + query * 4;
      for (let key: u32 = 0; key < keys; key += 16)
        scoreBlock(codes, scales, size, keyCodes + key * size * 2, keyScales + key * 4, logits + key * 4, keys * 4);
      for (let i: u32 = 0; i < 3; i++) weigh(logits + i * keys * 4, tokens, keys, probabilities + i * keys * 2);
      const scale = valueScale / PROBABILITY_MAX;
      const to = out + (query * hidden + head * size) * 4;
      const left = tokens - query;
      for (let column: u32 = 0; column < size; column += 16)
        gatherBlock(probabilities, keys, valueCodes + column * 4, size * 4, scale, to + column * 4, hidden * 4, left);
    }
  }
}

/** What a row's largest magnitude is coded to is `limit`; returns the scale, 0 for a row of zeros. */
function scaleOf(row: usize, columns: u32, limit: f32): f32 {
  let most = f32x4.splat(0);
  for (let at = row, end = row + columns * 4; at < end; at += 16) most = f32x4.pmax(most, f32x4.abs(v128.load(at)));
  return Lanes.max(most) / limit;
}

class Codes {
  /** Eight numbers as codes of 16 bits. */
  @inline
  static eight(at: usize, factor: v128): v128 {
    return i16x8.narrow_i32x4_s(
      Lanes.codes(v128.load(at), factor, f32x4.splat(ROUNDER)),
      Lanes.codes(v128.load(at, 16), factor, f32x4.splat(ROUNDER)),
    );
  }
}

/** Codes [tokens][size], and scales that have the factor of logits. */
function codeQueries(rows: usize, stride: usize, tokens: u32, size: u32, factor: f32, codes: usize, scales: usize): void {
  for (let token: u32 = 0; token < tokens; token++) {
    const scale = scaleOf(rows, size, KEY_MAX);
    const inverse = f32x4.splat(scale > 0 ? <f32>1 / scale : 0);
    for (let at = rows, end = rows + size * 4; at < end; at += 32) {
      v128.store(codes, Codes.eight(at, inverse));
      codes += 16;
    }
    store<f32>(scales, scale * factor);
    scales += 4;
    rows += stride;
  }
}

/** Codes [keys / 16][size / 2][16 keys][2], those past the last token zero, with scales of 0. */
function codeKeys(rows: usize, stride: usize, tokens: u32, keys: u32, size: u32, codes: usize, scales: usize): void {
  for (let token: u32 = 0; token < keys; token++) {
    const isToken = token < tokens;
    const scale: f32 = isToken ? scaleOf(rows, size, KEY_MAX) : 0;
    const inverse = f32x4.splat(scale > 0 ? <f32>1 / scale : 0);
    store<f32>(scales + token * 4, scale);
    let to = codes + (token & ~15) * size * 2 + (token & 15) * 4;
    for (let column: u32 = 0; column < size; column += 8) {
      const eight = isToken ? Codes.eight(rows + column * 4, inverse) : i32x4.splat(0);
      v128.store32_lane(to, eight, 0);
      v128.store32_lane(to, eight, 1, 64);
      v128.store32_lane(to, eight, 2, 128);
      v128.store32_lane(to, eight, 3, 192);
      to += 256;
    }
    rows += stride;
  }
}

/** Codes [keys / 2][size][2] with one scale, which is returned. */
function codeValues(rows: usize, stride: usize, tokens: u32, keys: u32, size: u32, codes: usize): f32 {
  let scale: f32 = 0;
  for (let token: u32 = 0; token < tokens; token++) scale = max(scale, scaleOf(rows + token * stride, size, VALUE_MAX));
  const inverse = f32x4.splat(scale > 0 ? <f32>1 / scale : 0);
  for (let token: u32 = 0; token < keys; token += 2) {
    for (let column: u32 = 0; column < size; column += 8) {
      const at = rows + column * 4;
      const a = token < tokens ? Codes.eight(at, inverse) : i32x4.splat(0);
      const b = token + 1 < tokens ? Codes.eight(at + stride, inverse) : i32x4.splat(0);
      v128.store(codes, i16x8.shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11));
      v128.store(codes, i16x8.shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15), 16);
      codes += 32;
    }
    rows += 2 * stride;
  }
  return scale;
}

/** Logits of 3 queries and 16 keys. */
function scoreBlock(query: usize, queryScales: usize, size: u32, keys: usize, keyScales: usize, out: usize, outBytes: usize): void {
  let a0 = i32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let b0 = a0;
  let b1 = a0;
  let b2 = a0;
  let b3 = a0;
  let c0 = a0;
  let c1 = a0;
  let c2 = a0;
  let c3 = a0;
  const b = size * 2;
  const c = size * 4;
  let w = a0;
  let x = a0;
  let y = a0;
  let z = a0;
  for (const end = query + size * 2; query < end; query += 16) {
    x = v128.load32_splat(query);
    y = v128.load32_splat(query + b);
    z = v128.load32_splat(query + c);
    w = v128.load(keys);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(w, x));
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(w, y));
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(w, z));
    w = v128.load(keys, 16);
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(w, x));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(w, y));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(w, z));
    w = v128.load(keys, 32);
    a2 = i32x4.add(a2, i32x4.dot_i16x8_s(w, x));
    b2 = i32x4.add(b2, i32x4.dot_i16x8_s(w, y));
    c2 = i32x4.add(c2, i32x4.dot_i16x8_s(w, z));
    w = v128.load(keys, 48);
    a3 = i32x4.add(a3, i32x4.dot_i16x8_s(w, x));
    b3 = i32x4.add(b3, i32x4.dot_i16x8_s(w, y));
    c3 = i32x4.add(c3, i32x4.dot_i16x8_s(w, z));
    x = v128.load32_splat(query, 4);
    y = v128.load32_splat(query + b, 4);
    z = v128.load32_splat(query + c, 4);
    w = v128.load(keys, 64);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(w, x));
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(w, y));
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(w, z));
    w = v128.load(keys, 80);
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(w, x));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(w, y));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(w, z));
    w = v128.load(keys, 96);
    a2 = i32x4.add(a2, i32x4.dot_i16x8_s(w, x));
    b2 = i32x4.add(b2, i32x4.dot_i16x8_s(w, y));
    c2 = i32x4.add(c2, i32x4.dot_i16x8_s(w, z));
    w = v128.load(keys, 112);
    a3 = i32x4.add(a3, i32x4.dot_i16x8_s(w, x));
    b3 = i32x4.add(b3, i32x4.dot_i16x8_s(w, y));
    c3 = i32x4.add(c3, i32x4.dot_i16x8_s(w, z));
    x = v128.load32_splat(query, 8);
    y = v128.load32_splat(query + b, 8);
    z = v128.load32_splat(query + c, 8);
    w = v128.load(keys, 128);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(w, x));
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(w, y));
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(w, z));
    w = v128.load(keys, 144);
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(w, x));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(w, y));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(w, z));
    w = v128.load(keys, 160);
    a2 = i32x4.add(a2, i32x4.dot_i16x8_s(w, x));
    b2 = i32x4.add(b2, i32x4.dot_i16x8_s(w, y));
    c2 = i32x4.add(c2, i32x4.dot_i16x8_s(w, z));
    w = v128.load(keys, 176);
    a3 = i32x4.add(a3, i32x4.dot_i16x8_s(w, x));
    b3 = i32x4.add(b3, i32x4.dot_i16x8_s(w, y));
    c3 = i32x4.add(c3, i32x4.dot_i16x8_s(w, z));
    x = v128.load32_splat(query, 12);
    y = v128.load32_splat(query + b, 12);
    z = v128.load32_splat(query + c, 12);
    w = v128.load(keys, 192);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(w, x));
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(w, y));
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(w, z));
    w = v128.load(keys, 208);
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(w, x));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(w, y));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(w, z));
    w = v128.load(keys, 224);
    a2 = i32x4.add(a2, i32x4.dot_i16x8_s(w, x));
    b2 = i32x4.add(b2, i32x4.dot_i16x8_s(w, y));
    c2 = i32x4.add(c2, i32x4.dot_i16x8_s(w, z));
    w = v128.load(keys, 240);
    a3 = i32x4.add(a3, i32x4.dot_i16x8_s(w, x));
    b3 = i32x4.add(b3, i32x4.dot_i16x8_s(w, y));
    c3 = i32x4.add(c3, i32x4.dot_i16x8_s(w, z));
    keys += 256;
  }
  writeLogits(a0, a1, a2, a3, v128.load32_splat(queryScales), keyScales, out);
  writeLogits(b0, b1, b2, b3, v128.load32_splat(queryScales, 4), keyScales, out + outBytes);
  writeLogits(c0, c1, c2, c3, v128.load32_splat(queryScales, 8), keyScales, out + 2 * outBytes);
}

function writeLogits(s0: v128, s1: v128, s2: v128, s3: v128, scale: v128, keyScales: usize, out: usize): void {
  v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(s0), f32x4.mul(scale, v128.load(keyScales))));
  v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(s1), f32x4.mul(scale, v128.load(keyScales, 16))), 16);
  v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(s2), f32x4.mul(scale, v128.load(keyScales, 32))), 32);
  v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(s3), f32x4.mul(scale, v128.load(keyScales, 48))), 48);
}

/** Softmax of the first `tokens` of a row of logits, as codes; those behind have none of it. */
function weigh(logits: usize, tokens: u32, keys: u32, codes: usize): void {
  for (let key = tokens; key < keys; key++) store<f32>(logits + key * 4, -Infinity);
  const end = logits + keys * 4;
  let most = f32x4.splat(-Infinity);
  for (let at = logits; at < end; at += 16) most = f32x4.pmax(most, v128.load(at));
  const top = f32x4.splat(Lanes.max(most));
  let sums = f32x4.splat(0);
  for (let at = logits; at < end; at += 16) {
    const power = Lanes.exp(f32x4.sub(v128.load(at), top));
    v128.store(at, power);
    sums = f32x4.add(sums, power);
  }
  const factor = f32x4.splat(PROBABILITY_MAX / Lanes.sum(sums));
  for (let at = logits; at < end; at += 32) {
    v128.store(codes, Codes.eight(at, factor));
    codes += 16;
  }
}

/** What 3 queries gather, 16 columns of values. Writes `left` rows of them at most. */
function gatherBlock(
  probabilities: usize,
  keys: u32,
  values: usize,
  valueBytes: usize,
  scale: f32,
  out: usize,
  outBytes: usize,
  left: u32,
): void {
  let a0 = i32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let b0 = a0;
  let b1 = a0;
  let b2 = a0;
  let b3 = a0;
  let c0 = a0;
  let c1 = a0;
  let c2 = a0;
  let c3 = a0;
  const b = keys * 2;
  const c = keys * 4;
  let w = a0;
  let x = a0;
  let y = a0;
  let z = a0;
  for (const end = probabilities + keys * 2; probabilities < end; probabilities += 16) {
    x = v128.load32_splat(probabilities);
    y = v128.load32_splat(probabilities + b);
    z = v128.load32_splat(probabilities + c);
    w = v128.load(values);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(w, x));
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(w, y));
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(w, z));
    w = v128.load(values, 16);
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(w, x));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(w, y));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(w, z));
    w = v128.load(values, 32);
    a2 = i32x4.add(a2, i32x4.dot_i16x8_s(w, x));
    b2 = i32x4.add(b2, i32x4.dot_i16x8_s(w, y));
    c2 = i32x4.add(c2, i32x4.dot_i16x8_s(w, z));
    w = v128.load(values, 48);
    a3 = i32x4.add(a3, i32x4.dot_i16x8_s(w, x));
    b3 = i32x4.add(b3, i32x4.dot_i16x8_s(w, y));
    c3 = i32x4.add(c3, i32x4.dot_i16x8_s(w, z));
    values += valueBytes;
    x = v128.load32_splat(probabilities, 4);
    y = v128.load32_splat(probabilities + b, 4);
    z = v128.load32_splat(probabilities + c, 4);
    w = v128.load(values);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(w, x));
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(w, y));
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(w, z));
    w = v128.load(values, 16);
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(w, x));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(w, y));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(w, z));
    w = v128.load(values, 32);
    a2 = i32x4.add(a2, i32x4.dot_i16x8_s(w, x));
    b2 = i32x4.add(b2, i32x4.dot_i16x8_s(w, y));
    c2 = i32x4.add(c2, i32x4.dot_i16x8_s(w, z));
    w = v128.load(values, 48);
    a3 = i32x4.add(a3, i32x4.dot_i16x8_s(w, x));
    b3 = i32x4.add(b3, i32x4.dot_i16x8_s(w, y));
    c3 = i32x4.add(c3, i32x4.dot_i16x8_s(w, z));
    values += valueBytes;
    x = v128.load32_splat(probabilities, 8);
    y = v128.load32_splat(probabilities + b, 8);
    z = v128.load32_splat(probabilities + c, 8);
    w = v128.load(values);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(w, x));
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(w, y));
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(w, z));
    w = v128.load(values, 16);
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(w, x));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(w, y));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(w, z));
    w = v128.load(values, 32);
    a2 = i32x4.add(a2, i32x4.dot_i16x8_s(w, x));
    b2 = i32x4.add(b2, i32x4.dot_i16x8_s(w, y));
    c2 = i32x4.add(c2, i32x4.dot_i16x8_s(w, z));
    w = v128.load(values, 48);
    a3 = i32x4.add(a3, i32x4.dot_i16x8_s(w, x));
    b3 = i32x4.add(b3, i32x4.dot_i16x8_s(w, y));
    c3 = i32x4.add(c3, i32x4.dot_i16x8_s(w, z));
    values += valueBytes;
    x = v128.load32_splat(probabilities, 12);
    y = v128.load32_splat(probabilities + b, 12);
    z = v128.load32_splat(probabilities + c, 12);
    w = v128.load(values);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(w, x));
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(w, y));
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(w, z));
    w = v128.load(values, 16);
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(w, x));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(w, y));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(w, z));
    w = v128.load(values, 32);
    a2 = i32x4.add(a2, i32x4.dot_i16x8_s(w, x));
    b2 = i32x4.add(b2, i32x4.dot_i16x8_s(w, y));
    c2 = i32x4.add(c2, i32x4.dot_i16x8_s(w, z));
    w = v128.load(values, 48);
    a3 = i32x4.add(a3, i32x4.dot_i16x8_s(w, x));
    b3 = i32x4.add(b3, i32x4.dot_i16x8_s(w, y));
    c3 = i32x4.add(c3, i32x4.dot_i16x8_s(w, z));
    values += valueBytes;
  }
  const factor = f32x4.splat(scale);
  writeGathered(a0, a1, a2, a3, factor, out);
  if (left > 1) writeGathered(b0, b1, b2, b3, factor, out + outBytes);
  if (left > 2) writeGathered(c0, c1, c2, c3, factor, out + 2 * outBytes);
}

function writeGathered(s0: v128, s1: v128, s2: v128, s3: v128, factor: v128, out: usize): void {
  v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(s0), factor));
  v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(s1), factor), 16);
  v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(s2), factor), 32);
  v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(s3), factor), 48);
}
