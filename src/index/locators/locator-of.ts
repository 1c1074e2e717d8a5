import { idHash } from '../../ann/rows/id-hash.ts';

/** Which of an index's locators knows where an id lives. */
export const locatorOf = (namespace: string, id: string, locators: number): number => idHash(namespace, id) % locators;
