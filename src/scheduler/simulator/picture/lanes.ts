/** A stretch of time in need of a lane of its group. */
export interface Stretch {
  readonly group: number;
  readonly from: number;
  readonly to: number;
}

/** A lane for each stretch, none of which overlaps another of its lane: of its group, the first that is free. They come in the order of their beginnings. */
export function lanesFor(stretches: readonly Stretch[], lanesOf: readonly number[]): readonly number[] {
  const firsts: number[] = [];
  let first = 0;
  for (const lanes of lanesOf) {
    firsts.push(first);
    first += lanes;
  }
  const freeFrom = Array.from({ length: first }, () => -Infinity);
  return stretches.map(({ group, from, to }) => {
    const [start, count] = [firsts[group] ?? 0, lanesOf[group] ?? 0];
    let lane = start;
    for (let at = start; at < start + count; at++) {
      if ((freeFrom[at] ?? 0) <= from) {
        lane = at;
        break;
      }
    }
    freeFrom[lane] = to;
    return lane;
  });
}
