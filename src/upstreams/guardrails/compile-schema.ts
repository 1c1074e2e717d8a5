import { validate } from '@cfworker/json-schema';

import { assert } from '../../kernel/assert.ts';
import { isObject } from '../protocol/json.ts';
import { LOCAL_REFERENCE, memberOf } from './schema-cost.ts';

/** A JSON schema, draft 2020-12, by what its keywords are about. `true` and `false` are schemas themselves. */
export type SchemaNode = boolean | SchemaRules;

export interface SchemaRules {
  /** Keywords that look at one value alone, or at no more of it than they name themselves. */
  readonly own: Readonly<Record<string, unknown>> | undefined;
  /** What judging by those takes, in units of `SteppedWork`, and whether it takes longer for a longer text. */
  readonly ownUnits: number;
  readonly readsText: boolean;
  /** Schemas of the same value, and how many of them it has to meet. */
  readonly all: readonly SchemaNode[];
  readonly any: readonly SchemaNode[] | undefined;
  readonly one: readonly SchemaNode[] | undefined;
  readonly not: SchemaNode | undefined;
  /** `if`, `then` and `else`. */
  readonly when: { readonly condition: SchemaNode; readonly met: SchemaNode; readonly unmet: SchemaNode } | undefined;
  /** Of objects that have such a property. */
  readonly dependent: ReadonlyMap<string, SchemaNode>;
  readonly properties: ReadonlyMap<string, SchemaNode>;
  readonly otherProperties: SchemaNode | undefined;
  readonly names: SchemaNode | undefined;
  readonly unevaluatedProperties: SchemaNode | undefined;
  readonly firstItems: readonly SchemaNode[];
  readonly otherItems: SchemaNode | undefined;
  readonly unevaluatedItems: SchemaNode | undefined;
  readonly contains: { readonly item: SchemaNode; readonly countMin: number; readonly countMax: number } | undefined;
  readonly isDistinct: boolean;
}

const OWN = [
  'type',
  'const',
  'enum',
  'required',
  'minProperties',
  'maxProperties',
  'dependentRequired',
  'minItems',
  'maxItems',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'format',
] as const;
const OF_TEXT = ['minLength', 'maxLength', 'format'];
/** One of each type: a keyword that has no such value is found out by them. */
const SAMPLES = [null, true, 0, '', {}, []];
/** To ask whether a value meets the keywords of a schema, and for each character of what it may be compared with. */
const OWN_UNITS = 60;
const UNITS_PER_CHAR = 0.5;
/** Of numbers of some hundred digits. */
const UNITS_OF_DIVISION = 600;

/** The schema has passed `schemaCost`. Undefined: its keywords have values that they cannot have. */
export function compileSchema(schema: object): SchemaNode | undefined {
  try {
    return new SchemaCompiler(schema).node(schema);
  } catch {
    return undefined;
  }
}

/** What any of the library's checks makes of the keywords of one value. */
export const meetsOwn = (own: Readonly<Record<string, unknown>>, value: unknown): boolean => validate(value, own, '2020-12', {}).valid;

class SchemaCompiler {
  readonly #root: object;
  /** What is referred to often is compiled once. */
  readonly #known = new Map<object, SchemaNode>();

  constructor(root: object) {
    this.#root = root;
  }

  node(schema: unknown): SchemaNode {
    if (typeof schema === 'boolean') return schema;
    assert(isObject(schema), 'a schema is an object, true or false');
    const known = this.#known.get(schema);
    if (known !== undefined) return known;
    const node = this.#rules(schema);
    this.#known.set(schema, node);
    return node;
  }

  #rules(schema: Readonly<Record<string, unknown>>): SchemaRules {
    const own = Object.fromEntries(OWN.flatMap((name) => (schema[name] === undefined ? [] : [[name, schema[name]]])));
    for (const sample of SAMPLES) meetsOwn(own, sample);
    const all = [...(schema['$ref'] === undefined ? [] : [this.#referred(schema['$ref'])]), ...(this.#list(schema['allOf']) ?? [])];
    // Before draft 2020-12 `items` could be a list, with the schema of all others in `additionalItems`.
    const { items, additionalItems, prefixItems } = schema;
    const isList = Array.isArray(items);
    return {
      own: Object.keys(own).length === 0 ? undefined : own,
      ownUnits: OWN_UNITS + JSON.stringify(own).length * UNITS_PER_CHAR + (own['multipleOf'] === undefined ? 0 : UNITS_OF_DIVISION),
      readsText: OF_TEXT.some((name) => own[name] !== undefined),
      all,
      any: this.#list(schema['anyOf']),
      one: this.#list(schema['oneOf']),
      not: this.#optional(schema['not']),
      when: this.#branches(schema),
      dependent: new Map([...this.#map(schema['dependentSchemas']), ...this.#dependencies(schema['dependencies'])]),
      properties: this.#map(schema['properties']),
      otherProperties: this.#optional(schema['additionalProperties']),
      names: this.#optional(schema['propertyNames']),
      unevaluatedProperties: this.#optional(schema['unevaluatedProperties']),
      firstItems: [...(this.#list(prefixItems) ?? []), ...(isList ? (this.#list(items) ?? []) : [])],
      otherItems: this.#optional(isList ? additionalItems : items),
      unevaluatedItems: this.#optional(schema['unevaluatedItems']),
      contains: this.#contained(schema),
      isDistinct: schema['uniqueItems'] === true,
    };
  }

  #branches({ if: condition, then: met = true, else: unmet = true }: Readonly<Record<string, unknown>>): SchemaRules['when'] {
    return condition === undefined ? undefined : { condition: this.node(condition), met: this.node(met), unmet: this.node(unmet) };
  }

  #contained({ contains, minContains, maxContains }: Readonly<Record<string, unknown>>): SchemaRules['contains'] {
    if (contains === undefined) return undefined;
    const [countMin, countMax] = [minContains ?? 1, maxContains ?? Infinity];
    assert(typeof countMin === 'number' && typeof countMax === 'number', 'counts are numbers');
    return { item: this.node(contains), countMin, countMax };
  }

  #referred(reference: unknown): SchemaNode {
    const [, holder = '', name = ''] = LOCAL_REFERENCE.exec(String(reference)) ?? [];
    return this.node(memberOf(memberOf(this.#root, holder), name));
  }

  #optional(schema: unknown): SchemaNode | undefined {
    return schema === undefined ? undefined : this.node(schema);
  }

  #list(schemas: unknown): SchemaNode[] | undefined {
    if (schemas === undefined) return undefined;
    assert(Array.isArray(schemas), 'schemas are listed');
    return schemas.map((schema) => this.node(schema));
  }

  #map(schemas: unknown): Map<string, SchemaNode> {
    assert(schemas === undefined || isObject(schemas), 'schemas have names');
    return new Map(Object.entries(schemas ?? {}).map(([name, schema]) => [name, this.node(schema)]));
  }

  /** Of draft 7: what an object has to have besides, or has to meet. */
  #dependencies(dependencies: unknown): Map<string, SchemaNode> {
    assert(dependencies === undefined || isObject(dependencies), 'dependencies have names');
    const schemas = Object.entries(dependencies ?? {}).map(([name, asked]) => [name, Array.isArray(asked) ? { required: asked } : asked]);
    return this.#map(Object.fromEntries(schemas));
  }
}
