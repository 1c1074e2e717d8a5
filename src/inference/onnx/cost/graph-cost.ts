import type { OnnxGraph } from '../onnx-graph.ts';
import { GraphStep } from './graph-step.ts';
import type { GraphValue } from './graph-value.ts';
import { broadcast, unknownOf } from './graph-value.ts';
import { RUN_MS, workMs } from './operator-rates.ts';
import type { PlannedBody, PlannedStep, RunPlan } from './run-plan.ts';
import { planRuns } from './run-plan.ts';
import { valuesOf } from './step-values.ts';
import { workOf } from './step-work.ts';

/** The most that a run takes of one thread at the edge. */
export interface RunBound {
  readonly ms: number;
  /** Of what the runtime computes once, when it loads the graph: all that no input has a part in. */
  readonly loadMs: number;
  /** What is known of the graph's outputs. */
  readonly outputs: readonly GraphValue[];
  /** The operator that takes most of it. */
  readonly dearest: string;
  /** Operators that no rule is about: they are bounded by all that fits the runtime's memory. */
  readonly unruled: readonly string[];
}

/** What runs of a graph cost at most, by what goes in; found without running it. [M59] */
export class GraphCost {
  readonly #plan: RunPlan;

  /** The graph has passed `checkGraph`. */
  constructor(graph: OnnxGraph) {
    this.#plan = planRuns(graph);
  }

  /** `inputs`: what is known of them, by name. */
  bound(inputs: ReadonlyMap<string, GraphValue>): RunBound {
    const run = new BoundedRun(this.#plan);
    for (const [name, number] of this.#plan.inputs) run.values[number] = inputs.get(name);
    run.body(this.#plan);
    return run.bound(this.#plan);
  }
}

/** The runtime leaves these where they are, whatever goes in. */
const NEVER_FOLDED = /^Random|^Bernoulli$|^Multinomial$|Quantize/;

class BoundedRun {
  readonly values: (GraphValue | undefined)[];
  readonly #opset: number;
  readonly #msOf = new Map<string, number>();
  readonly #unruled = new Set<string>();
  /** Of each value: whether it is the same for all inputs. */
  readonly #isFixed: boolean[];
  #loadMs = 0;

  constructor({ constants, opset }: RunPlan) {
    this.values = [...constants];
    this.#isFixed = constants.map((value) => value !== undefined);
    this.#opset = opset;
  }

  body({ steps }: PlannedBody): void {
    for (const step of steps) {
      if (step.branches.length > 0) this.#branches(step);
      else this.#step(step);
    }
  }

  bound({ outputs }: PlannedBody): RunBound {
    const byMs = [...this.#msOf].toSorted(([, a], [, b]) => b - a);
    const ms = byMs.reduce((sum, [, one]) => sum + one, RUN_MS);
    const answers = outputs.map((number) => this.values[number] ?? unknownOf(0));
    return { ms, loadMs: this.#loadMs, outputs: answers, dearest: byMs[0]?.[0] ?? '', unruled: [...this.#unruled].toSorted() };
  }

  #step({ operator, inputs, outputs, attributes }: PlannedStep): void {
    const given = inputs.map((number) => (number < 0 ? undefined : (this.values[number] ?? unknownOf(0))));
    const step = new GraphStep({ operator, opset: this.#opset, inputs: given, outputCount: outputs.length, attributes });
    const answers = valuesOf(step);
    for (const [i, number] of outputs.entries()) this.values[number] = answers[i];
    const { work, isRuled } = workOf(step, answers);
    if (!isRuled) this.#unruled.add(operator);
    const ms = workMs(work);
    if (!NEVER_FOLDED.test(operator) && inputs.every((number) => number < 0 || this.#isFixed[number] === true)) {
      this.#loadMs += ms;
      for (const number of outputs) this.#isFixed[number] = true;
    } else this.#msOf.set(operator, (this.#msOf.get(operator) ?? 0) + ms);
  }

  /** One of the branches runs; which one is not known: all are counted, and the answer is as large as the largest. */
  #branches({ branches, outputs }: PlannedStep): void {
    for (const branch of branches) this.body(branch);
    for (const [i, number] of outputs.entries()) {
      const answers = branches.map((branch) => this.values[branch.outputs[i] ?? -1] ?? unknownOf(0));
      const [first = unknownOf(0)] = answers;
      const isOfOneRank = answers.every(({ dims }) => dims?.length === first.dims?.length);
      this.values[number] = isOfOneRank ? { ...broadcast(first.dataType, answers), isExact: false } : unknownOf(first.dataType);
    }
  }
}
