import { Search } from './search';

/**
 * Keeps the candidates whose true closeness may reach `threshold`, in their order: closeness and row, and instead of references how far
 * away the true closeness may be. Returns how many. `lost` and `length` are those of `CodeBounds` in lists/closeness-bounds.ts.
 */
export function weed(s: Search, threshold: f64, scaleError: f64, lost: f64, length: f64, queryError: f64, arithmetic: f64): u32 {
  const queryLength = s.queryLength;
  let kept: u32 = 0;
  for (let i: u32 = 0; i < s.found; i++) {
    const closeness = load<f64>(s.closeness + i * 8);
    const scale = <f64>load<f32>(s.scales + i * 4) + scaleError;
    let reach = queryLength;
    if (s.isDistance) reach = sqrt(max(0, queryLength * queryLength - 2 * closeness)) + queryError + scale * lost;
    const error = reach * scale * lost + scale * length * (queryError + arithmetic * (queryLength + scale * length));
    if (closeness + error < threshold) continue;
    store<f64>(s.closeness + kept * 8, closeness);
    store<f64>(s.candidates + kept * 8, error);
    store<u32>(s.rows + kept * 4, load<u32>(s.rows + i * 4));
    kept += 1;
  }
  return kept;
}
