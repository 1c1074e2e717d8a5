import * as z from 'zod';

import { about } from '../api/api-text.ts';

const NANO_DIGITS = 9;

/** US dollars as an exact decimal, which becomes nano-dollars. */
export const dollarsIn = z
  .string()
  .regex(/^\d{1,6}(\.\d{1,9})?$/, 'must be a decimal such as 12.50: up to 6 digits, then up to 9 after the point')
  .transform(nanoOf)
  .meta(about('US dollars, as an exact decimal.', '12.50'));

/** US dollars as they are answered. */
export const dollarsOut = z
  .string()
  .regex(/^-?\d+\.\d{9}$/)
  .meta(about('US dollars, exact to the nano-dollar.', '0.000412000'));

function nanoOf(text: string): number {
  const [whole = '', part = ''] = text.split('.');
  return Number(`${whole}${part.padEnd(NANO_DIGITS, '0')}`);
}
