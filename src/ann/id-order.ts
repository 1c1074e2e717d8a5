import { compareText } from './filter/compare-text.ts';

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
