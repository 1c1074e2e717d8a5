import * as z from 'zod';

import { floats } from '../vector-fields.ts';

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The vector of a point, also where it is given under its name, which is empty. */
export const pointVector = z
  .unknown()
  .transform((value, context): unknown => {
    if (!isObject(value)) return value;
    if (Object.keys(value).join() === '') return value[''];
    context.issues.push({ code: 'custom', input: value, message: 'names vectors: a point has one, which is dense and has no name' });
    return z.NEVER;
  })
  .pipe(floats);
