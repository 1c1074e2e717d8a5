import { Lanes } from './lanes';

/** Adds `more` to `rows` (unless it is 0) and normalises each: mean 0 and variance 1, times `gain`, plus `bias`. */
export function addAndNormalise(rows: usize, more: usize, count: u32, columns: u32, gain: usize, bias: usize, epsilon: f32): void {
  const bytes = columns * 4;
  const share: f32 = 1 / <f32>columns;
  for (let row: u32 = 0; row < count; row++) {
    const end = rows + bytes;
    let sums = f32x4.splat(0);
    if (more != 0) {
      for (let at = rows; at < end; at += 16) {
        const sum = f32x4.add(v128.load(at), v128.load(more));
        v128.store(at, sum);
        sums = f32x4.add(sums, sum);
        more += 16;
      }
    } else for (let at = rows; at < end; at += 16) sums = f32x4.add(sums, v128.load(at));
    const mean = f32x4.splat(Lanes.sum(sums) * share);
    let squares = f32x4.splat(0);
    for (let at = rows; at < end; at += 16) {
      const centred = f32x4.sub(v128.load(at), mean);
      squares = f32x4.add(squares, f32x4.mul(centred, centred));
    }
    const scale = f32x4.splat(<f32>1 / sqrt<f32>(Lanes.sum(squares) * share + epsilon));
    for (let column: usize = 0; column < bytes; column += 16) {
      const centred = f32x4.mul(f32x4.sub(v128.load(rows + column), mean), scale);
      v128.store(rows + column, f32x4.add(f32x4.mul(centred, v128.load(gain + column)), v128.load(bias + column)));
    }
    rows += bytes;
  }
}
