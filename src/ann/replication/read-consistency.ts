/**
 * What a read may miss. `strong`: nothing that was acknowledged before it began. `eventual`: what was written lately. `min-lsn`: what has
 * a higher LSN.
 */
export type ReadConsistency =
  | { readonly kind: 'strong' }
  | { readonly kind: 'eventual' }
  | { readonly kind: 'min-lsn'; readonly lsn: number };

export const STRONG: ReadConsistency = { kind: 'strong' };
