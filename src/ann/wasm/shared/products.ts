/** The products of four vectors' int8 codes with the int16 codes of a query. Exact: the query's range keeps every sum within 32 bits. */
export function products(query: usize, stride: u32, a: usize, b: usize, c: usize, d: usize): v128 {
  let sumA = i32x4.splat(0);
  let sumB = i32x4.splat(0);
  let sumC = i32x4.splat(0);
  let sumD = i32x4.splat(0);
  const end = query + stride * 2;
  for (let at = query; at < end; at += 16) {
    const part = v128.load(at);
    sumA = i32x4.add(sumA, i32x4.dot_i16x8_s(v128.load_ext<i8>(a), part));
    sumB = i32x4.add(sumB, i32x4.dot_i16x8_s(v128.load_ext<i8>(b), part));
    sumC = i32x4.add(sumC, i32x4.dot_i16x8_s(v128.load_ext<i8>(c), part));
    sumD = i32x4.add(sumD, i32x4.dot_i16x8_s(v128.load_ext<i8>(d), part));
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
