import type { Result } from '../../kernel/result.ts';
import { err, ok } from '../../kernel/result.ts';

/** Schemas that are looked at for one value, references followed: some milliseconds. */
const EXPANDED_MAX = 10_000;
export const LOCAL_REFERENCE = /^#\/(\$defs|definitions)\/([^/~%]+)$/;

/** The types of JSON Schema. */
const TYPES: ReadonlySet<unknown> = new Set(['array', 'boolean', 'integer', 'null', 'number', 'object', 'string']);
/** Of the whole schema: what is defined counts where it is referred to. Further down a property may have such a name. */
const OF_WHOLE: ReadonlySet<string> = new Set(['$id', '$defs', 'definitions']);
/** Members that have values and no schemas. */
const DATA: ReadonlySet<string> = new Set(['const', 'default', 'enum', 'examples']);

/**
 * How many schemas one schema comes to once its references are followed, or why validating by it could take without bounds: the time of a
 * request is not a tenant's to spend. [U116]
 */
export function schemaCost(schema: object): Result<number, string> {
  return new SchemaWalk(schema).cost(schema);
}

class SchemaWalk {
  readonly #root: object;
  readonly #known = new Map<string, number>();
  readonly #open = new Set<string>();

  constructor(root: object) {
    this.#root = root;
  }

  /** `isData`: the value is compared with, and is no schema. */
  cost(value: unknown, isData = false): Result<number, string> {
    if (typeof value !== 'object' || value === null) return ok(0);
    let sum = 1;
    for (const [name, inner] of Object.entries(value)) {
      const isOfWhole = value === this.#root && OF_WHOLE.has(name);
      const part = isOfWhole ? ok(0) : this.#member(name, inner, isData || DATA.has(name));
      if (!part.ok) return part;
      sum += part.value;
      if (sum > EXPANDED_MAX) return err(`comes to more than ${EXPANDED_MAX} schemas once its references are followed`);
    }
    return ok(sum);
  }

  #member(name: string, inner: unknown, isData: boolean): Result<number, string> {
    const odd = name === 'type' && !isData ? [inner].flat().find((type) => typeof type === 'string' && !TYPES.has(type)) : undefined;
    // A validator that meets such a type finds no value of it: each answer would be blocked.
    if (odd !== undefined) return err(`has the type ${JSON.stringify(odd)}, which is none of ${[...TYPES].join(', ')}`);
    if (name === '$ref' && typeof inner === 'string') return this.#reference(inner);
    if (name === '$dynamicRef' || name === '$recursiveRef') return err(`must not have ${name}: it may lead back to itself`);
    if (name === '$id' && typeof inner === 'string' && !isData)
      return err('must not have $id below its top: references would lead elsewhere');
    const searching = searchesBacktracking(name, inner);
    return searching === undefined ? this.cost(inner, isData) : err(searching);
  }

  #reference(reference: string): Result<number, string> {
    const known = this.#known.get(reference);
    if (known !== undefined) return ok(known);
    const [, holder = '', name = ''] = LOCAL_REFERENCE.exec(reference) ?? [];
    const defined = memberOf(memberOf(this.#root, holder), name);
    if (defined === undefined) return err(`refers to ${reference}, which is none of its $defs`);
    if (this.#open.has(reference)) return err(`refers to ${reference} from within itself`);
    this.#open.add(reference);
    const cost = this.cost(defined);
    this.#open.delete(reference);
    if (cost.ok) this.#known.set(reference, cost.value);
    return cost;
  }
}

export const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;

/** Engines search by these with backtracking, which a text can make take for ever: what is wrong with them. */
function searchesBacktracking(name: string, value: unknown): string | undefined {
  if (name === 'format' && value === 'url') return 'must not have the format url: say uri';
  const isPattern = name === 'patternProperties' || (name === 'pattern' && typeof value === 'string');
  return isPattern ? `must not have ${name}: say it with a hook of patterns` : undefined;
}
