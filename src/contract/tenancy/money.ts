import * as z from 'zod';

import { about } from '../api/api-text.ts';

const NANO_DIGITS = 9;
const NANO_PER_USD = 1_000_000_000;
const DECIMAL = /^\d{1,6}(\.\d{1,9})?$/;

/** US dollars as an exact decimal, which becomes nano-dollars. */
export const dollarsIn = z
  .string()
  .regex(DECIMAL, 'must be a decimal such as 12.50: up to 6 digits, then up to 9 after the point')
  .transform(nanoOf)
  .meta(about('US dollars, as an exact decimal.', '12.50'));

/**
 * What people type as a price: US dollars as `dollarsIn`, or, as a number, whole nano-dollars. A number with a fraction can only have been meant as
 * dollars, and is refused with how to write them: read as either, it would be wrong by a factor of a billion for some callers.
 */
export const priceIn = (nanoMax: number) =>
  z
    .union([dollarsIn, z.int().min(0)], { error: ({ input }) => priceFault(input) })
    .refine((nano) => nano <= nanoMax, `is above ${nanoMax / NANO_PER_USD} USD`)
    .meta({
      description: 'US dollars as an exact decimal, or nano-dollars as a whole number.',
      anyOf: [
        { type: 'string', pattern: DECIMAL.source },
        { type: 'integer', minimum: 0, maximum: nanoMax },
      ],
    });

function priceFault(input: unknown): string {
  if (typeof input === 'number' && !Number.isInteger(input))
    return `is ${input}: US dollars are a text, and a number is whole nano-dollars`;
  return 'must be US dollars as a text such as "0.15", or whole nano-dollars as a number';
}

/** US dollars as they are answered. */
export const dollarsOut = z
  .string()
  .regex(/^-?\d+\.\d{9}$/)
  .meta(about('US dollars, exact to the nano-dollar.', '0.000412000'));

function nanoOf(text: string): number {
  const [whole = '', part = ''] = text.split('.');
  return Number(`${whole}${part.padEnd(NANO_DIGITS, '0')}`);
}
