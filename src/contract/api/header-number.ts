import * as z from 'zod';

/** A whole number that comes as text, as in a header, and is described as the number that it is. */
export const headerNumber = (min: number, max: number, mustBe: string) =>
  z
    .string()
    .regex(/^-?\d{1,15}$/, mustBe)
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .optional()
    .meta({
      override: ({ jsonSchema }) => {
        delete jsonSchema.pattern;
        Object.assign(jsonSchema, { type: 'integer', minimum: min, maximum: max });
      },
    });
