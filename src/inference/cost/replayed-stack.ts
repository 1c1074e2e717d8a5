import recorded from './replayed-stack.json' with { type: 'json' };

/** A mean over splits of the texts, and where it lies with 95 % confidence. */
interface Estimate {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** All strategies on one trace, each switched on after those before it. */
export interface ReplayedStack {
  readonly tokens: number;
  /** Where the teacher ran. */
  readonly place: string;
  /** How nDCG counts: `strict`, the teacher's ten nearest; `graded`, texts by their similarity according to the teacher. */
  readonly measure: string;
  readonly steps: readonly {
    readonly name: string;
    /** Of a million calls. */
    readonly usdPerMillion: number;
    /** Of what all steps together save; negative for a step that costs more than it saves. */
    readonly share: number;
    /** Share of nDCG@10 that is lost. */
    readonly loss: Estimate;
    /** Share of the texts that the student passed on to the teacher. */
    readonly escalated: number;
  }[];
  /** How many times cheaper than the teacher on every call, in float32, one text a call, without a cache. */
  readonly total: Estimate;
  /** The step at which the calls are cheapest. */
  readonly best: { readonly upTo: string; readonly factor: Estimate };
  /** How many times cheaper than the teacher in int8, in batches of 16, behind the cache. */
  readonly ofSensible: Estimate;
  /** As `total`, the requests that bring the texts included. */
  readonly withRequests: Estimate;
}

interface ReplayedStacks {
  readonly command: string;
  readonly date: string;
  readonly load: string;
  readonly splits: number;
  readonly repeatRate: number;
  readonly lossMax: number;
  readonly stacks: readonly ReplayedStack[];
}

/** Written by the command that it names, and by nothing else. [U154] */
export const REPLAYED: ReplayedStacks = recorded;
