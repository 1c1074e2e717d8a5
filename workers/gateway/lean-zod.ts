import { $constructor, $ZodPreprocess, _coercedNumber } from 'zod/v4/core';
import type { $ZodLooseShape, $ZodPreprocessDef } from 'zod/v4/core';
import * as z from 'zod/mini';

// Stands in for `zod` in the gateway's bundle: the same schemas, parsed by the same core, with the methods that the contract calls and no
// others. The package's own classes bring every format, JSON schema and codec along, which is 17 kB compressed, parsed at each cold start.

// By name: `export *` would keep all of the package.
export {
  array,
  boolean,
  custom,
  enum,
  int,
  literal,
  looseObject,
  never,
  NEVER,
  null,
  number,
  object,
  safeParse,
  strictObject,
  string,
  undefined,
  union,
  unknown,
} from 'zod/mini';

type Schema = z.ZodMiniType & { readonly _zod: { readonly def: { readonly type: string } } };
type Check = Parameters<Schema['check']>[0];
/** A message, or what makes one, whatever it is about. */
type Params = never;

/** No request of the gateway has records: only replies do, and their schemas are never made here. */
export const record = undefined;

/** The package's own would bring dates and big integers along. */
export const coerce = { number: (params?: Params): z.ZodMiniNumber => _coercedNumber(z.ZodMiniNumber, params) };

const isNumber = (schema: Schema): boolean => schema._zod.def.type === 'number';
const checked = (schema: Schema, check: unknown): Schema => schema.check(check as Check);

const METHODS: Record<string, (this: Schema, ...args: never[]) => unknown> = {
  // What describes a schema is in the document of the API alone.
  meta() {
    return this;
  },
  catchall(rest: Schema) {
    return z.catchall(this as unknown as z.ZodMiniObject, rest);
  },
  default(value: unknown) {
    return z._default(this, value);
  },
  extend(shape: $ZodLooseShape) {
    return z.extend(this as unknown as z.ZodMiniObject, shape);
  },
  int(params: Params) {
    return checked(this, z.int(params));
  },
  max(bound: number, params: Params) {
    return checked(this, isNumber(this) ? z.lte(bound, params) : z.maxLength(bound, params));
  },
  min(bound: number, params: Params) {
    return checked(this, isNumber(this) ? z.gte(bound, params) : z.minLength(bound, params));
  },
  nullable() {
    return z.nullable(this);
  },
  nullish() {
    return z.nullish(this);
  },
  optional() {
    return z.optional(this);
  },
  or(other: Schema) {
    return z.union([this, other]);
  },
  pipe(target: Schema) {
    return z.pipe(this, target);
  },
  positive(params: Params) {
    return checked(this, z.gt(0, params));
  },
  refine(isFine: Parameters<typeof z.refine>[0], params: Parameters<typeof z.refine>[1]) {
    return checked(this, z.refine(isFine, params));
  },
  regex(pattern: RegExp, params: Params) {
    return checked(this, z.regex(pattern, params));
  },
  superRefine(refinement: Parameters<typeof z.superRefine>[0]) {
    return checked(this, z.superRefine(refinement));
  },
  transform(change: (value: unknown) => unknown) {
    return z.pipe(this, z.transform(change));
  },
  trim() {
    return checked(this, z.trim());
  },
};

type Init = (schema: object, def: object) => void;

const ZodPreprocess = $constructor('ZodPreprocess', (schema, def: $ZodPreprocessDef) => {
  ($ZodPreprocess.init as Init)(schema, def);
  (z.ZodMiniType.init as Init)(schema, def);
});

export const preprocess = (change: (value: unknown) => unknown, schema: Schema): unknown =>
  new ZodPreprocess({ type: 'pipe', in: z.transform(change), out: schema });

/** The kinds of schemas that the contract makes, by functions of this module or by methods of others. */
const KINDS = [
  z.ZodMiniString,
  z.ZodMiniNumber,
  z.ZodMiniNumberFormat,
  z.ZodMiniBoolean,
  z.ZodMiniNull,
  z.ZodMiniUndefined,
  z.ZodMiniUnknown,
  z.ZodMiniNever,
  z.ZodMiniLiteral,
  z.ZodMiniEnum,
  z.ZodMiniArray,
  z.ZodMiniObject,
  z.ZodMiniUnion,
  z.ZodMiniOptional,
  z.ZodMiniNullable,
  z.ZodMiniDefault,
  z.ZodMiniPipe,
  z.ZodMiniTransform,
  z.ZodMiniCustom,
  ZodPreprocess,
];

// Not enumerable: zod would bind enumerable ones to every schema.
const methods = Object.fromEntries(Object.entries(METHODS).map(([name, value]) => [name, { value }]));

/** Gives schemas of these kinds the methods that the contract calls. */
export function addMethods(kinds: readonly unknown[]): void {
  for (const { prototype } of kinds as readonly { readonly prototype: object }[]) Object.defineProperties(prototype, methods);
}

addMethods(KINDS);
