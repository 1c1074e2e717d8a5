import type { Expression, Traced } from './traced-value.ts';

export interface NewExpression {
  readonly operator: string;
  readonly inputs: readonly (Traced | undefined)[];
  readonly attributes?: ReadonlyMap<string, readonly number[]>;
  readonly output?: number;
  readonly dims: readonly number[] | undefined;
  readonly isFloat?: boolean;
}

const NONE: ReadonlyMap<string, readonly number[]> = new Map();

/** The expressions of one trace: equal ones are the same object, so that a value is known again wherever it is computed. */
export class ExpressionTable {
  readonly #known = new Map<string, Expression>();
  readonly #ids = new Map<object, number>();
  /** Ids of tokens that texts are taken not to have. */
  readonly absentIds = new Set<number>();

  expression({ operator, inputs, attributes = NONE, output = 0, dims, isFloat = true }: NewExpression): Expression {
    const of = inputs.map((input) => (input === undefined ? '' : this.#idOf(input))).join();
    const key = `${operator}(${of})${output}[${[...attributes]
      .map(([name, numbers]) => `${name}=${numbers.join()}`)
      .toSorted()
      .join(';')}]`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const made: Expression = { kind: 'expression', operator, inputs, attributes, output, dims, isFloat };
    this.#known.set(key, made);
    return made;
  }

  #idOf(value: Traced): string {
    if (value.kind === 'numbers' && value.numbers.length <= LISTED_MAX)
      return `${value.isFloat ? 'f' : 'i'}${value.dims.join('x')}:${value.numbers.join(' ')}`;
    const owner = value.kind === 'constant' ? value.tensor : value;
    const id = this.#ids.get(owner) ?? this.#ids.size;
    this.#ids.set(owner, id);
    return `#${id}`;
  }
}

/** Longer lists are equal where they are one. */
const LISTED_MAX = 64;
