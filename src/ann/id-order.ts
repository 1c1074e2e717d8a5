const NUMBER = /^(?:0|[1-9]\d*)$/;

/** Whether an id is a whole number, written plainly. */
export const isNumber = (id: string): boolean => NUMBER.test(id);

/** The order of listings: ids that are whole numbers by their value, whatever their length, then the others by code points. */
export function compareIds(a: string, b: string): number {
  const [isNumberA, isNumberB] = [isNumber(a), isNumber(b)];
  if (isNumberA !== isNumberB) return isNumberA ? -1 : 1;
  return isNumberA && a.length !== b.length ? a.length - b.length : compareText(a, b);
}

/** Where a listing begins: at an id, whether or not it is there, or right behind it. */
export interface ListingStart {
  readonly id: string;
  readonly isIncluded: boolean;
}

/** Whether a listing that begins there comes to the id. */
export function isBehind(id: string, start: ListingStart | null): boolean {
  if (start === null) return true;
  const order = compareIds(id, start.id);
  return order > 0 || (order === 0 && start.isIncluded);
}

/** Orders texts by code points, as SQLite orders their UTF-8: unlike code units, where surrogates come before U+E000. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const difference = rank(a.charCodeAt(i)) - rank(b.charCodeAt(i));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Moves surrogates behind all other code units. */
function rank(unit: number): number {
  if (unit >= 0xe000) return unit - 0x800;
  return unit >= 0xd800 ? unit + 0x2000 : unit;
}
