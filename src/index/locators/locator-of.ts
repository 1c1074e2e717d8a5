import { idHash } from '../../ann/rows.ts';
import type { KeyedReceipt } from '../../ann/receipts.ts';

/** The locator of an index that is responsible for an id. */
export const locatorOf = (namespace: string, id: string, locators: number): number => idHash(namespace, id) % locators;

/** Receipts by the locators of an index that must know them. */
export function receiptsByLocator(receipts: readonly KeyedReceipt[], locators: number): Map<number, KeyedReceipt[]> {
  const byLocator = new Map<number, KeyedReceipt[]>();
  for (const receipt of receipts) {
    for (const locator of targetsOf(receipt, locators)) {
      const known = byLocator.get(locator);
      if (known === undefined) byLocator.set(locator, [receipt]);
      else known.push(receipt);
    }
  }
  return byLocator;
}

/**
 * The locator that claims the key, which alone is asked about a complete request, and those that would write what is written. A part of as
 * many parts as there are locators concerns one of them.
 */
function targetsOf({ idempotencyKey, done, billing }: KeyedReceipt, locators: number): Set<number> {
  const parts = done.filter((part) => part.parts > 1);
  const claiming = parts.length === 0 || billing !== null ? [locatorOf('', idempotencyKey, locators)] : [];
  const all = Array.from({ length: locators }, (_, locator) => locator);
  const writing = parts.some((part) => part.parts !== locators) ? all : parts.map(({ part }) => part);
  return new Set([...claiming, ...writing]);
}
