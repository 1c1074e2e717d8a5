import * as z from 'zod';

/**
 * Texts and schemas used only in the description of the API, in types and by commands. Gateways serve that description as a file: their bundle has
 * `workers/gateway/no-api-text.ts` instead of this module, so that a cold start parses and makes none of it.
 */
export const apiText = <T>(text: T): T => text;

/** The description of a field, and an example. */
export const about = (description: string, example?: unknown): { description: string; example?: unknown } =>
  example === undefined ? { description } : { description, example };

export const apiLines = (...lines: readonly string[]): string => lines.join('\n');

/** A schema of replies, or fields of one. Nothing may use it but types, other schemas of replies, and the `reply` of an endpoint. */
export const apiOnly = <T>(make: () => T): T => make();

/** The same of an object, by its fields. */
export const apiObject = <Fields extends z.core.$ZodLooseShape>(fields: () => Fields): z.ZodObject<Fields> => z.object(fields());

/** The same, as a component of the description that other schemas refer to by its name. */
export const apiNamed = <Fields extends z.core.$ZodLooseShape>(id: string, fields: () => Fields): z.ZodObject<Fields> =>
  z.object(fields()).meta({ id });
