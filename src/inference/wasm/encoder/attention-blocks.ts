/** Logits of 3 queries and 16 keys. */
export function scoreBlock(query: usize, queryScales: usize, size: u32, keys: usize, keyScales: usize, out: usize, outBytes: usize): void {
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

/** What 3 queries gather, 16 columns of values. Writes `left` rows of them at most. */
export function gatherBlock(
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
