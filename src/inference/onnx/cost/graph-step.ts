import type { OnnxAttribute } from '../onnx-attribute.ts';
import type { GraphValue } from './graph-value.ts';
import { unknownOf } from './graph-value.ts';

/** What an operator is applied to: the node's attributes, and what is known of its inputs. */
export class GraphStep {
  readonly operator: string;
  /** Of the standard operators. */
  readonly opset: number;
  /** Undefined: an optional input that is absent. */
  readonly inputs: readonly (GraphValue | undefined)[];
  readonly outputCount: number;
  readonly #attributes: ReadonlyMap<string, OnnxAttribute>;

  constructor(
    parts: Pick<GraphStep, 'operator' | 'opset' | 'inputs' | 'outputCount'> & { attributes: ReadonlyMap<string, OnnxAttribute> },
  ) {
    this.operator = parts.operator;
    this.opset = parts.opset;
    this.inputs = parts.inputs;
    this.outputCount = parts.outputCount;
    this.#attributes = parts.attributes;
  }

  /** The inputs that are present. */
  get given(): readonly GraphValue[] {
    return this.inputs.filter((input) => input !== undefined);
  }

  /** An absent input counts as one of which nothing is known. */
  input(at: number): GraphValue {
    return this.inputs[at] ?? unknownOf(0);
  }

  has(at: number): boolean {
    return this.inputs[at] !== undefined;
  }

  int(name: string, absent: number): number {
    return this.#attributes.get(name)?.numbers[0] ?? absent;
  }

  /** Undefined: no such attribute, or a list too long to be kept. */
  ints(name: string): readonly number[] | undefined {
    const attribute = this.#attributes.get(name);
    return attribute === undefined || attribute.numbers.length < attribute.count ? undefined : attribute.numbers;
  }

  text(name: string): string {
    return this.#attributes.get(name)?.text ?? '';
  }

  hasAttribute(name: string): boolean {
    return this.#attributes.has(name);
  }

  /** Numbers of the longest list among its attributes, such as the nodes of a forest. */
  get longestList(): number {
    return Math.max(0, ...[...this.#attributes.values()].map(({ count }) => count));
  }

  /** Sizes that older versions have as an attribute, and newer ones as an input. Undefined: unknown; 'absent': neither is there. */
  sizes(name: string, at: number): readonly number[] | undefined | 'absent' {
    if (this.hasAttribute(name)) return this.ints(name);
    return this.has(at) ? this.input(at).numbers : 'absent';
  }
}

/** What is known of an operator's outputs. Undefined: nothing. */
export type ShapeRule = (step: GraphStep) => readonly GraphValue[] | undefined;
