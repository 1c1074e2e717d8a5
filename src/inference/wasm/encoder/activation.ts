import { Lanes } from './lanes';

const GELU: u32 = 1;
const GELU_TANH: u32 = 2;

/** Applies GELU (1), GELU by tanh (2) or ReLU (3) to a row in place. */
export function activate(row: usize, columns: u32, kind: u32): void {
  const end = row + columns * 4;
  if (kind == GELU) for (let at = row; at < end; at += 16) v128.store(at, Gelu.exact(v128.load(at)));
  else if (kind == GELU_TANH) for (let at = row; at < end; at += 16) v128.store(at, Gelu.byTanh(v128.load(at)));
  else for (let at = row; at < end; at += 16) v128.store(at, f32x4.pmax(v128.load(at), f32x4.splat(0)));
}

class Gelu {
  /** x times the share of a normal distribution below x; the error function by Abramowitz and Stegun 7.1.26, within 1.5e-7. */
  @inline
  static exact(x: v128): v128 {
    const z = f32x4.mul(f32x4.abs(x), f32x4.splat(0.70710678));
    const t = f32x4.div(f32x4.splat(1), f32x4.add(f32x4.mul(z, f32x4.splat(0.3275911)), f32x4.splat(1)));
    let sum = f32x4.splat(1.061405429);
    sum = f32x4.add(f32x4.mul(sum, t), f32x4.splat(-1.453152027));
    sum = f32x4.add(f32x4.mul(sum, t), f32x4.splat(1.421413741));
    sum = f32x4.add(f32x4.mul(sum, t), f32x4.splat(-0.284496736));
    sum = f32x4.add(f32x4.mul(sum, t), f32x4.splat(0.254829592));
    const beyond = f32x4.mul(f32x4.mul(sum, t), Lanes.exp(f32x4.neg(f32x4.mul(z, z))));
    // 0.5 (x + |x| (1 - beyond)).
    const magnitude = f32x4.sub(f32x4.abs(x), f32x4.mul(f32x4.abs(x), beyond));
    return f32x4.mul(f32x4.splat(0.5), f32x4.add(x, magnitude));
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
