import { gatherBlock, scoreBlock } from './attention-blocks';
import { Lanes, ROUNDER } from './lanes';

// Products of attention are of codes of 16 bits, in which sums are exact: queries and keys in 12 bits, each token's by a scale of its own, so
// that 256 of their products fit 32 bits; probabilities in 15 bits and values in 16, whose products sum to 2^30, as probabilities sum to 1.
const KEY_MAX: f32 = 2047;
const VALUE_MAX: f32 = 32000;
const PROBABILITY_MAX: f32 = 32000;

/**
 * Attention of one head of a text: `states` has queries, keys and values of its tokens, of `hidden` numbers each, one after the other, from the head's
 * first number on. What the queries from `first` up to `end` gather is written to `out`, rows of `hidden`; `first` is a multiple of 3. `scratch` has room as
 * encoder-layout.ts computes it.
 */
export function attend(states: usize, tokens: u32, hidden: u32, size: u32, first: u32, end: u32, scratch: usize, out: usize): void {
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
  // Eight at a time have weights; logits are of sixteen.
  const weighed = (tokens + 7) & ~7;
  const inverseRoot: f32 = <f32>1 / sqrt<f32>(<f32>size);
  codeQueries(states + first * stateBytes, stateBytes, end - first, size, inverseRoot, queryCodes, queryScales);
  codeKeys(states + hidden * 4, stateBytes, tokens, keys, size, keyCodes, keyScales);
  const valueScale = codeValues(states + hidden * 8, stateBytes, tokens, keys, size, valueCodes);
  const scale = valueScale / PROBABILITY_MAX;
  for (let query = first; query < end; query += 3) {
    const codes = queryCodes + (query - first) * size * 2;
    const scales = queryScales + (query - first) * 4;
    for (let key: u32 = 0; key < keys; key += 16)
      scoreBlock(codes, scales, size, keyCodes + key * size * 2, keyScales + key * 4, logits + key * 4, keys * 4);
    for (let i: u32 = 0; i < 3; i++) weigh(logits + i * keys * 4, tokens, weighed, probabilities + i * weighed * 2);
    const to = out + query * hidden * 4;
    for (let column: u32 = 0; column < size; column += 16)
      gatherBlock(probabilities, weighed, valueCodes + column * 4, size * 4, scale, to + column * 4, hidden * 4, end - query);
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
