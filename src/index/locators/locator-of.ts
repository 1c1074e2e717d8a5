import { idHash } from '../../ann/rows.ts';

/** The locator of an index that is responsible for an id. */
export const locatorOf = (namespace: string, id: string, locators: number): number => idHash(namespace, id) % locators;
