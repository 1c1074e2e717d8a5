import type { RawJson } from './exact-json.ts';
import { rawJson } from './exact-json.ts';
import { float32Text } from './float32-text.ts';

// Raw JSON may be a string, but no array. A string that begins with an escaped slash is nothing that `JSON.stringify` writes of its own.
const ARRAYS = /"\\\/([^"]*)"/g;

/** Floats for `jsonText`, which writes them as an array of numbers. */
export const float32Json = (values: Float32Array): RawJson => rawJson(`"\\/${float32Text(values)}"`);

/** The JSON text of a value that may hold `float32Json`. */
export const jsonText = (value: unknown): string => JSON.stringify(value).replaceAll(ARRAYS, '$1');
