/**
 * Writes a row of a table: scale * (code - zero), scale and zero point of its block of `block` numbers, a multiple of 16. Of 8 bits, codes are
 * signed, and `blocks` has a float32 scale and zero point for each; of 4 bits, two codes are in a byte, the lower one first, and `blocks` has
 * a float16 scale for each and then their zero points, a byte each.
 */
export function pickRow(codes: usize, bits: u32, columns: u32, block: u32, blocks: usize, row: usize): void {
  const end = row + columns * 4;
  let zeros = blocks + (columns / block) * 2;
  while (row < end) {
    const blockEnd = row + block * 4;
    if (bits == 8) {
      const scale = v128.load32_splat(blocks);
      const zero = v128.load32_splat(blocks, 4);
      blocks += 8;
      for (; row < blockEnd; row += 32) {
        Eight.write(v128.load8x8_s(codes), scale, zero, row);
        codes += 8;
      }
    } else {
      const scale = f32x4.splat(singleOf(load<u16>(blocks)));
      const zero = f32x4.splat(<f32>load<u8>(zeros));
      blocks += 2;
      zeros += 1;
      for (; row < blockEnd; row += 64) {
        const pairs = v128.load64_zero(codes);
        const low = v128.and(pairs, i8x16.splat(15));
        const sixteen = i8x16.shuffle(low, i8x16.shr_u(pairs, 4), 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        Eight.write(i16x8.extend_low_i8x16_u(sixteen), scale, zero, row);
        Eight.write(i16x8.extend_high_i8x16_u(sixteen), scale, zero, row + 32);
        codes += 8;
      }
    }
  }
}

class Eight {
  @inline
  static write(codes: v128, scale: v128, zero: v128, row: usize): void {
    v128.store(row, f32x4.mul(f32x4.sub(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(codes)), zero), scale));
    v128.store(row, f32x4.mul(f32x4.sub(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(codes)), zero), scale), 16);
  }
}

/** A float16 that is finite. */
function singleOf(half: u32): f32 {
  // Its exponent becomes one of float32, which is 112 too small: also where it is subnormal.
  const magnitude = reinterpret<f32>((half & 0x7fff) << 13) * reinterpret<f32>(0x77800000);
  return half & 0x8000 ? -magnitude : magnitude;
}

/** Adds `more` to `row`. */
export function addRow(row: usize, more: usize, columns: u32): void {
  for (const end = row + columns * 4; row < end; row += 16) {
    v128.store(row, f32x4.add(v128.load(row), v128.load(more)));
    more += 16;
  }
}
