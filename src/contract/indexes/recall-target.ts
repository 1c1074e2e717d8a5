import * as z from 'zod';

import { RECALL_TARGETS } from './index-settings.ts';

/** Described by bounds: generators of clients have no enumerations of fractions. */
export const recallTarget = z.literal(RECALL_TARGETS).meta({
  override: ({ jsonSchema }) => {
    delete jsonSchema.enum;
    delete jsonSchema.type;
    jsonSchema.anyOf = RECALL_TARGETS.map((target) => ({ type: 'number', minimum: target, maximum: target }));
  },
});
