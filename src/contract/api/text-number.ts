import * as z from 'zod';

/** What JSON writes for a whole number. `Number` also takes an empty text, `0x10` and `1e3`, which are mistakes. */
const DECIMAL = /^-?(?:0|[1-9]\d{0,15})$/;

/** Where a value is written down, as in an example, it is a number. */
type WholeText = z.ZodType<number, number>;

/** A whole number that comes as text, in a path, a query, a header or a form, and is described as the number that it is. [G139] */
export const wholeText = (
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
  mustBe = 'must be a whole number in decimal digits',
): WholeText =>
  z
    .string()
    .regex(DECIMAL, mustBe)
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .meta({
      override: ({ jsonSchema }) => {
        delete jsonSchema.pattern;
        Object.assign(jsonSchema, { type: 'integer', minimum: min, maximum: max });
      },
    }) as unknown as WholeText;

/** The same of a body, whose numbers are numbers. */
export const wholeNumber = (min: number, max: number = Number.MAX_SAFE_INTEGER): WholeText =>
  // oxlint-disable-next-line typescript/no-unnecessary-type-assertion -- it spares the compiler what `JsonBody` says
  z.int().min(min).max(max) as unknown as WholeText;
