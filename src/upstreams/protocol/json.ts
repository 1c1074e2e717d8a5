import { parseExactJson } from '../../kernel/exact-json.ts';

/** A JSON object that another system has written: nothing is known of its members. */
export type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

export const objectAt = (value: unknown, name: string): JsonObject => {
  const inner = isObject(value) ? value[name] : undefined;
  return isObject(inner) ? inner : {};
};

export const listAt = (value: unknown, name: string): readonly unknown[] => {
  const inner = isObject(value) ? value[name] : undefined;
  return Array.isArray(inner) ? inner : [];
};

export const textAt = (value: unknown, name: string): string | undefined => {
  const inner = isObject(value) ? value[name] : undefined;
  return typeof inner === 'string' ? inner : undefined;
};

/** The members of an object that are texts. */
export const textsAt = (value: unknown, name: string): Record<string, string> =>
  Object.fromEntries(Object.entries(objectAt(value, name)).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));

/** A count that another system reports: anything else than a whole number from 0 is none. */
export const countAt = (value: unknown, name: string): number | undefined => {
  const inner = isObject(value) ? value[name] : undefined;
  return typeof inner === 'number' && Number.isSafeInteger(inner) && inner >= 0 ? inner : undefined;
};

/** The object that a text says; undefined where it says none. */
export function parsedObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The same with whole numbers of any size, which come as `RawJson`. */
export function exactObject(text: string): JsonObject | undefined {
  try {
    const value = parseExactJson(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The members that are there: null says the same as nothing. */
export const present = (value: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined && member !== null));
