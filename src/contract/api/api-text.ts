import * as z from 'zod';

// What endpoints and schemas say of themselves in the description of the API.

/** The description of a field, and an example. */
export const about = (description: string, example?: unknown): { description: string; example?: unknown } =>
  example === undefined ? { description } : { description, example };

export const apiLines = (...lines: readonly string[]): string => lines.join('\n');

/** An object that is a component of the description: other schemas refer to it by its name. */
export const named = <Fields extends z.core.$ZodLooseShape>(id: string, fields: Fields): z.ZodObject<Fields> =>
  z.object(fields).meta({ id });
