/** Demand that may be met by any of some types. */
export interface TypedDemand {
  readonly types: readonly string[];
  readonly milli: number;
}

/** Rounds after which loads that still change are taken as they are. */
const ROUNDS_MAX = 300;
const SETTLED = 1e-6;

/**
 * Spreads every demand over the types it accepts so that the highest load of a type is as low as can be, and answers what each demand
 * puts on each type. Each demand in turn fills the emptiest types as water would, until none moves.
 */
export function balanceLoad(
  demands: readonly TypedDemand[],
  capacityMilli: ReadonlyMap<string, number>,
): readonly ReadonlyMap<string, number>[] {
  const load = new Map([...capacityMilli.keys()].map((type) => [type, 0]));
  const spread = demands.map(() => new Map<string, number>());
  for (let round = 0; round < ROUNDS_MAX; round++) {
    let moved = 0;
    for (const [index, { types, milli }] of demands.entries()) {
      const before = spread[index];
      for (const [type, amount] of before ?? []) load.set(type, (load.get(type) ?? 0) - amount);
      const after = pour(types, milli, load, capacityMilli);
      for (const [type, amount] of after) {
        load.set(type, (load.get(type) ?? 0) + amount);
        moved = Math.max(moved, Math.abs(amount - (before?.get(type) ?? 0)) / (capacityMilli.get(type) ?? 1));
      }
      spread[index] = after;
    }
    if (moved < SETTLED) break;
  }
  return spread;
}

function pour(
  types: readonly string[],
  milli: number,
  load: ReadonlyMap<string, number>,
  capacityMilli: ReadonlyMap<string, number>,
): Map<string, number> {
  const vessels = types
    .map((type) => ({ type, capacity: capacityMilli.get(type) ?? 0, load: load.get(type) ?? 0 }))
    .filter(({ capacity }) => capacity > 0)
    .toSorted((a, b) => a.load / a.capacity - b.load / b.capacity);
  let capacity = 0;
  let content = milli;
  let level = 0;
  for (const vessel of vessels) {
    if (capacity > 0 && vessel.load / vessel.capacity >= level) break;
    capacity += vessel.capacity;
    content += vessel.load;
    level = content / capacity;
  }
  return new Map(vessels.map((vessel) => [vessel.type, Math.max(0, level * vessel.capacity - vessel.load)]));
}
