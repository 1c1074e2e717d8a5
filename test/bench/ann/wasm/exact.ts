// AssemblyScript, compiled when the bench runs. Rows of float32 are `stride` bytes apart, a multiple of 16, and padded with zeros.

/**
 * Compares the four rows at `queries` with each of `count` rows at `base`; the closeness includes the row's bias from `biases`. A row that
 * reaches a query's threshold is appended to the query's hits as a (row, closeness) pair of 8 bytes. `lanes` holds four thresholds as
 * float32, then four addresses of the next hit as uint32. Rows are numbered from `firstRow`.
 */
export function closest(base: usize, count: u32, firstRow: u32, biases: usize, queries: usize, stride: usize, lanes: usize): void {
  const end = base + <usize>count * stride;
  const thresholds = v128.load(lanes);
  const second = queries + stride;
  const third = second + stride;
  const fourth = third + stride;
  let row = firstRow;
  for (let vector = base; vector < end; vector += stride) {
    let a = f32x4.splat(0);
    let b = f32x4.splat(0);
    let c = f32x4.splat(0);
    let d = f32x4.splat(0);
    for (let at: usize = 0; at < stride; at += 16) {
      const values = v128.load(vector + at);
      a = f32x4.add(a, f32x4.mul(values, v128.load(queries + at)));
      b = f32x4.add(b, f32x4.mul(values, v128.load(second + at)));
      c = f32x4.add(c, f32x4.mul(values, v128.load(third + at)));
      d = f32x4.add(d, f32x4.mul(values, v128.load(fourth + at)));
    }
    // Transposed and added: each lane holds one query.
    const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
    const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
    const sums = f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
    const found = f32x4.add(sums, f32x4.splat(load<f32>(biases + (row - firstRow) * 4)));
    const reached = i32x4.bitmask(f32x4.ge(found, thresholds));
    if (reached != 0) {
      if (reached & 1) append(lanes + 16, row, f32x4.extract_lane(found, 0));
      if (reached & 2) append(lanes + 20, row, f32x4.extract_lane(found, 1));
      if (reached & 4) append(lanes + 24, row, f32x4.extract_lane(found, 2));
      if (reached & 8) append(lanes + 28, row, f32x4.extract_lane(found, 3));
    }
    row += 1;
  }
}

function append(next: usize, row: u32, closeness: f32): void {
  const at: usize = load<u32>(next);
  store<u32>(at, row);
  store<f32>(at + 4, closeness);
  store<u32>(next, <u32>(at + 8));
}

/** Reads `bytes` from `start`, a multiple of 64, as fast as one thread can. Returns a value that depends on every byte. */
export function read(start: usize, bytes: usize): u32 {
  const end = start + bytes;
  let a = v128.splat<i32>(0);
  let b = a;
  let c = a;
  let d = a;
  for (let at = start; at < end; at += 64) {
    a = v128.xor(a, v128.load(at));
    b = v128.xor(b, v128.load(at, 16));
    c = v128.xor(c, v128.load(at, 32));
    d = v128.xor(d, v128.load(at, 48));
  }
  return v128.extract_lane<u32>(v128.xor(v128.xor(a, b), v128.xor(c, d)), 0);
}
