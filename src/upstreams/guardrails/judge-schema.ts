import type { SteppedWork } from '../../kernel/stepped-work.ts';
import { isObject } from '../protocol/json.ts';
import type { SchemaNode, SchemaRules } from './compile-schema.ts';
import { meetsOwn } from './compile-schema.ts';
import { areDistinct } from './distinct-items.ts';

/** Properties and items that a schema has said something about (JSON Schema, draft 2020-12, core, 11). */
type Evaluated = Set<string | number>;

/** Answers whether a value meets a schema; yields where others are due. */
type Judging = Generator<undefined, boolean>;

/** For each character of a text that keywords read. */
const UNITS_PER_CHAR = 0.5;
const UNITS_PER_SCHEMA = 10;
/** The forms of texts are found by searches that take up to the square of a text: a longer one has none of them. */
const FORMAT_CHARS_MAX = 2_048;

/** Whether a value of JSON meets a schema; takes as many steps as schemas are looked at for values. [U116] [U198] */
export const judgeBySchema = (node: SchemaNode, value: unknown, work: SteppedWork): Judging => new SchemaJudging(work).judge(node, value);

class SchemaJudging {
  readonly #work: SteppedWork;

  constructor(work: SteppedWork) {
    this.#work = work;
  }

  *judge(node: SchemaNode, value: unknown, evaluated: Evaluated = new Set()): Judging {
    if (typeof node === 'boolean') return node;
    if (this.#work.spend(UNITS_PER_SCHEMA)) yield;
    if (!(yield* this.#meetsOwn(node, value))) return false;
    for (const one of node.all) if (!(yield* this.#meets(one, value, evaluated))) return false;
    if (!(yield* this.#meetsSome(node, value, evaluated))) return false;
    if (node.when !== undefined && !(yield* this.#meetsWhen(node.when, value, evaluated))) return false;
    if (Array.isArray(value)) return yield* this.#judgeItems(node, value, evaluated);
    return isObject(value) ? yield* this.#judgeProperties(node, value, evaluated) : true;
  }

  *#meetsOwn({ own, ownUnits, readsText }: SchemaRules, value: unknown): Judging {
    if (own === undefined) return true;
    const chars = readsText && typeof value === 'string' ? value.length : 0;
    if (this.#work.spend(ownUnits + chars * UNITS_PER_CHAR)) yield;
    if (own['format'] !== undefined && chars > FORMAT_CHARS_MAX) return false;
    return meetsOwn(own, value);
  }

  /** What a schema has said of a value counts if the value meets it. */
  *#meets(node: SchemaNode, value: unknown, evaluated: Evaluated): Judging {
    const also: Evaluated = new Set();
    if (!(yield* this.judge(node, value, also))) return false;
    if (this.#work.spend(also.size * UNITS_PER_SCHEMA)) yield;
    for (const one of also) evaluated.add(one);
    return true;
  }

  /** `anyOf`, `oneOf` and `not`. */
  *#meetsSome({ any, one, not }: SchemaRules, value: unknown, evaluated: Evaluated): Judging {
    if (any !== undefined && (yield* this.#countMet(any, value, evaluated)) === 0) return false;
    if (one !== undefined && (yield* this.#countMet(one, value, evaluated)) !== 1) return false;
    return not === undefined || !(yield* this.judge(not, value));
  }

  *#countMet(nodes: readonly SchemaNode[], value: unknown, evaluated: Evaluated): Generator<undefined, number> {
    let count = 0;
    for (const node of nodes) if (yield* this.#meets(node, value, evaluated)) count += 1;
    return count;
  }

  *#meetsWhen(when: NonNullable<SchemaRules['when']>, value: unknown, evaluated: Evaluated): Judging {
    const branch = (yield* this.#meets(when.condition, value, evaluated)) ? when.met : when.unmet;
    return yield* this.#meets(branch, value, evaluated);
  }

  *#judgeProperties(node: SchemaRules, value: Readonly<Record<string, unknown>>, evaluated: Evaluated): Judging {
    for (const [name, schema] of node.dependent)
      if (Object.hasOwn(value, name) && !(yield* this.#meets(schema, value, evaluated))) return false;
    if (!(yield* this.#judgeNames(node.names, value))) return false;
    for (const name of Object.keys(value)) {
      if (this.#work.spend(UNITS_PER_SCHEMA)) yield;
      const schema = node.properties.get(name) ?? node.otherProperties;
      if (schema === undefined) continue;
      if (!(yield* this.judge(schema, value[name]))) return false;
      evaluated.add(name);
    }
    return (
      node.unevaluatedProperties === undefined || (yield* this.#judgeOthers(node.unevaluatedProperties, Object.entries(value), evaluated))
    );
  }

  *#judgeNames(schema: SchemaNode | undefined, value: object): Judging {
    if (schema !== undefined) for (const name of Object.keys(value)) if (!(yield* this.judge(schema, name))) return false;
    return true;
  }

  /** Those of which nothing has been said. */
  *#judgeOthers(schema: SchemaNode, values: Iterable<readonly [string | number, unknown]>, evaluated: Evaluated): Judging {
    for (const [at, value] of values) {
      if (this.#work.spend(UNITS_PER_SCHEMA)) yield;
      if (!evaluated.has(at) && !(yield* this.judge(schema, value))) return false;
      evaluated.add(at);
    }
    return true;
  }

  *#judgeItems(node: SchemaRules, value: readonly unknown[], evaluated: Evaluated): Judging {
    for (const [at, item] of value.entries()) {
      if (this.#work.spend(UNITS_PER_SCHEMA)) yield;
      const schema = node.firstItems[at] ?? node.otherItems;
      // None is said of this one, nor of any behind it.
      if (schema === undefined) break;
      if (!(yield* this.judge(schema, item))) return false;
      evaluated.add(at);
    }
    if (node.contains !== undefined && !(yield* this.#containsEnough(node.contains, value, evaluated))) return false;
    if (node.isDistinct && !(yield* areDistinct(value, this.#work))) return false;
    return node.unevaluatedItems === undefined || (yield* this.#judgeOthers(node.unevaluatedItems, value.entries(), evaluated));
  }

  *#containsEnough(
    { item, countMin, countMax }: NonNullable<SchemaRules['contains']>,
    value: readonly unknown[],
    evaluated: Evaluated,
  ): Judging {
    let count = 0;
    for (const [at, one] of value.entries()) {
      if (!(yield* this.judge(item, one))) continue;
      count += 1;
      evaluated.add(at);
    }
    return count >= countMin && count <= countMax;
  }
}
