import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { GraphRunner } from '../graph-runner.ts';
import type { NamedTensor } from '../tensor.ts';

/** A run that found no room in the runtime's memory. */
interface Failed {
  readonly values: number;
  readonly refusal: Outcome<never>;
  readonly untilMs: number;
}

/** Runs that failed for lack of memory are remembered for `runCeilingMs`, those of so many owners at most. */
const CEILINGS_MAX = 1_000;

/**
 * Bounds how often one owner's runs may cost all models of an isolate their sessions: after a run that found no room, runs of the same
 * owner with at least half as many input values are refused for `runCeilingMs`, by the same refusal. So of any sizes no more than some
 * twenty runs can fail within that time. [M83]
 */
export class RunCeilings {
  readonly #clock: Clock;
  readonly #failed = new Map<string, Failed>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A runner that refuses what is above the ceiling of `owner`, and lowers it by what fails. */
  below(owner: string, runner: GraphRunner): GraphRunner {
    return {
      get isLost() {
        return runner.isLost;
      },
      release: () => runner.release(),
      run: async (inputs, outputs) => {
        const values = valuesOf(inputs);
        const refused = this.#refusal(owner, values);
        if (refused !== undefined) return refused;
        const answer = await runner.run(inputs, outputs);
        if (!answer.ok && answer.error.limit?.name === 'runtimeBytesMax') this.#note(owner, values, answer);
        return answer;
      },
    };
  }

  #refusal(owner: string, values: number): Outcome<never> | undefined {
    const failed = this.#failed.get(owner);
    return failed !== undefined && values * 2 >= failed.values && this.#clock.nowMs() < failed.untilMs ? failed.refusal : undefined;
  }

  #note(owner: string, values: number, refusal: Outcome<never>): void {
    this.#failed.delete(owner);
    for (const oldest of [...this.#failed.keys()].slice(0, Math.max(0, this.#failed.size - CEILINGS_MAX + 1))) this.#failed.delete(oldest);
    this.#failed.set(owner, { values, refusal, untilMs: this.#clock.nowMs() + MODEL_LIMITS.runCeilingMs });
  }
}

const valuesOf = (inputs: readonly NamedTensor[]): number => inputs.reduce((sum, { data }) => sum + data.length, 0);
