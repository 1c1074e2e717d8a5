import type { Copy } from './copy-vectors.ts';

/** Whether vectors of the one generation are taken over as they are: else the other's model makes them of their texts. */
export const takesValues = ({ from, to }: Pick<Copy, 'from' | 'to'>): boolean =>
  from.embedding?.contractHash === to.embedding?.contractHash && from.dimensions === to.dimensions;
