import type { FieldPath } from '../../contract/api/field-path.ts';
import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { ok } from '../../kernel/result.ts';
import type { GraphCost, RunBound } from '../onnx/cost/graph-cost.ts';
import type { GraphValue } from '../onnx/cost/graph-value.ts';
import { bytesOf, NUMBERS_MAX, numbersOf, valueOf } from '../onnx/cost/graph-value.ts';
import { dataTypeOf } from '../onnx/onnx-tensor.ts';
import type { GraphRunner } from '../graph-runner.ts';
import type { NamedTensor, TensorPort } from '../tensor.ts';

/** What is known of an input without its values. */
type InputShape = Pick<NamedTensor, 'name' | 'type' | 'shape'>;

/** Shapes whose bound is remembered: texts come in few lengths. */
const REMEMBERED_MAX = 256;

/**
 * Decides what may run in an isolate, which nothing can interrupt while it computes: what is bounded to at most `runBoundMsMax`. All calls of
 * registered models are decided here, before they run. [M59]
 */
export class RunBounds {
  readonly #cost: GraphCost;
  readonly #known = new Map<string, RunBound>();

  constructor(cost: GraphCost) {
    this.#cost = cost;
  }

  /** Of one run, by the shapes of its inputs alone. */
  of(inputs: readonly InputShape[]): RunBound {
    const key = inputs.map(({ name, type, shape }) => `${name} ${type} ${shape.join()}`).join('\n');
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const bound = this.#cost.bound(valuesOf(inputs, shapeOf));
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear();
    this.#known.set(key, bound);
    return bound;
  }

  /** Refuses a run that may take too long. Where shapes alone give no bound, the values of small inputs are used, such as sizes. */
  check(inputs: readonly NamedTensor[]): Outcome<void> {
    const byShapes = checkRunMs(this.of(inputs));
    return byShapes.ok ? byShapes : checkRunMs(this.#cost.bound(valuesOf(inputs, tensorOf)));
  }

  /** Of the least that the graph takes: 1 for each dimension that a call chooses, and for each number that a shape may be made of. */
  ofLeast(ports: readonly TensorPort[]): RunBound {
    const least = ports.map(({ name, type, shape }) => ({ name, type, shape: shape.map((dim) => (typeof dim === 'number' ? dim : 1)) }));
    const [byShapes, byNumbers] = [this.of(least), this.#cost.bound(valuesOf(least, onesOf))];
    return byNumbers.ms < byShapes.ms ? byNumbers : byShapes;
  }

  /** Bytes of the outputs of these numbers, as far as the shapes of the inputs say. */
  outputBytes(inputs: readonly InputShape[], wanted: readonly number[]): number {
    const { outputs } = this.of(inputs);
    return wanted.reduce((sum, at) => sum + (outputs[at]?.isExact === true ? bytesOf(outputs[at]) : 0), 0);
  }

  /** A runner that refuses such runs. */
  before(runner: GraphRunner): GraphRunner {
    return {
      get isLost() {
        return runner.isLost;
      },
      release: () => runner.release(),
      run: (inputs, outputs) => {
        const checked = this.check(inputs);
        return checked.ok ? runner.run(inputs, outputs) : Promise.resolve(checked);
      },
    };
  }
}

interface CheckedRun {
  readonly path?: FieldPath | string;
  /** `callBoundMsMax`: of all runs of a call. */
  readonly limit?: 'runBoundMsMax' | 'callBoundMsMax';
  readonly advice?: string;
}

/** Refuses what takes more than `runBoundMsMax` at most. */
export function checkRunMs({ ms, dearest }: Pick<RunBound, 'ms' | 'dearest'>, checked: CheckedRun = {}): Outcome<void> {
  const { path, limit = 'runBoundMsMax', advice = ADVICE } = checked;
  if (ms <= MODEL_LIMITS[limit]) return ok(undefined);
  const what = `may compute for ${Math.ceil(ms)} ms, most of it ${dearest}`;
  return refuseBeyond({ ...(path === undefined ? {} : { path }), limit, value: Math.ceil(ms), what, advice });
}

const ADVICE = 'use smaller tensors, fewer or shorter texts, or a smaller model, or run it on a pool';

/** The most tokens that one text may have for its run to take no more than `runBoundMsMax`: from 0 to `tokensMax`. */
export function tokensAffordable(bounds: Pick<RunBounds, 'of'>, ports: readonly TensorPort[], tokensMax: number): number {
  const fits = (tokens: number) => checkRunMs(bounds.of(textInputs(ports, 1, tokens))).ok;
  let [least, most] = [0, tokensMax];
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (fits(middle)) least = middle;
    else most = middle - 1;
  }
  return least;
}

/** So many texts of so many tokens, as a graph of texts takes them. */
export const textInputs = (ports: readonly TensorPort[], rows: number, tokens: number): InputShape[] =>
  ports.map(({ name, type }) => ({ name, type, shape: [rows, tokens] }));

const valuesOf = <T extends InputShape>(inputs: readonly T[], valueOfInput: (input: T) => GraphValue): Map<string, GraphValue> =>
  new Map(inputs.map((input) => [input.name, valueOfInput(input)]));

const shapeOf = ({ type, shape }: InputShape): GraphValue => valueOf(dataTypeOf(type), shape);

function onesOf(input: InputShape): GraphValue {
  const count = input.shape.reduce((product, size) => product * size, 1);
  return count > NUMBERS_MAX
    ? shapeOf(input)
    : numbersOf(
        dataTypeOf(input.type),
        input.shape,
        Array.from({ length: count }, () => 1),
      );
}

function tensorOf(input: NamedTensor): GraphValue {
  const { type, shape, data } = input;
  if (Array.isArray(data) || data.length > NUMBERS_MAX) return shapeOf(input);
  return numbersOf(dataTypeOf(type), shape, Array.from<number | bigint, number>(data, Number));
}
