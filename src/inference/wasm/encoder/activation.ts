import { Lanes } from './lanes';

const GELU: u32 = 1;
const GELU_TANH: u32 = 2;

/** Applies GELU (1), GELU by tanh (2) or ReLU (3) to a row in place. */
export function activate(row: usize, columns: u32, kind: u32): void {
  const end = row + columns * 4;
  if (kind == GELU)
    for (let at = row; at < end; at += 64) {
      v128.store(at, Gelu.exact(v128.load(at)));
      v128.store(at, Gelu.exact(v128.load(at, 16)), 16);
      v128.store(at, Gelu.exact(v128.load(at, 32)), 32);
      v128.store(at, Gelu.exact(v128.load(at, 48)), 48);
    }
  else if (kind == GELU_TANH) for (let at = row; at < end; at += 16) v128.store(at, Gelu.byTanh(v128.load(at)));
  else for (let at = row; at < end; at += 16) v128.store(at, f32x4.pmax(v128.load(at), f32x4.splat(0)));
}

/**
 * For |x| up to 4.4, 4.4 and 1/2, then the coefficients of P, from the highest on: x P(x^2) is the share of a normal distribution
 * between 0 and x within 2.5e-5 / |x|, a minimax polynomial that is 1/2 at 4.4.
 */
const NORMAL = memory.data<f32>([
  4.4, 0.5, 3.56948333e-11, -3.75409226e-9, 1.74086144e-7, -4.72489239e-6, 8.42932478e-5, -1.05499372e-3, 9.64303116e-3, -6.6076433e-2,
  0.398761609,
]);

class Gelu {
  /** x times the share of a normal distribution below x, within 2.5e-5 of it: codes of 7 bits do not show more. */
  @inline
  static exact(x: v128): v128 {
    const limit = v128.load32_splat(NORMAL);
    const near = f32x4.pmin(f32x4.pmax(x, f32x4.neg(limit)), limit);
    const square = f32x4.mul(near, near);
    let sum = f32x4.add(f32x4.mul(v128.load32_splat(NORMAL, 8), square), v128.load32_splat(NORMAL, 12));
    sum = f32x4.add(f32x4.mul(sum, square), v128.load32_splat(NORMAL, 16));
    sum = f32x4.add(f32x4.mul(sum, square), v128.load32_splat(NORMAL, 20));
    sum = f32x4.add(f32x4.mul(sum, square), v128.load32_splat(NORMAL, 24));
    sum = f32x4.add(f32x4.mul(sum, square), v128.load32_splat(NORMAL, 28));
    sum = f32x4.add(f32x4.mul(sum, square), v128.load32_splat(NORMAL, 32));
    sum = f32x4.add(f32x4.mul(sum, square), v128.load32_splat(NORMAL, 36));
    sum = f32x4.add(f32x4.mul(sum, square), v128.load32_splat(NORMAL, 40));
    return f32x4.mul(x, f32x4.add(f32x4.mul(near, sum), v128.load32_splat(NORMAL, 4)));
  }

  /** The approximation that GPT-2 has: 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). */
  @inline
  static byTanh(x: v128): v128 {
    const cube = f32x4.mul(f32x4.mul(x, x), x);
    const u = f32x4.mul(f32x4.add(x, f32x4.mul(cube, f32x4.splat(0.044715))), f32x4.splat(0.7978845608));
    const power = Lanes.exp(f32x4.mul(f32x4.abs(u), f32x4.splat(-2)));
    const tanh = f32x4.div(f32x4.sub(f32x4.splat(1), power), f32x4.add(f32x4.splat(1), power));
    return f32x4.mul(f32x4.splat(0.5), f32x4.add(x, f32x4.mul(f32x4.abs(x), tanh)));
  }
}
