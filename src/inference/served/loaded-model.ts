import type { GraphRunner } from '../graph-runner.ts';
import type { GraphFacts } from '../onnx/check-graph.ts';
import type { RunBounds } from './run-bounds.ts';
import type { TextCalls } from './text-model.ts';

/** A version that can be called. */
export interface LoadedModel {
  readonly facts: GraphFacts;
  readonly runner: GraphRunner;
  readonly bounds: Pick<RunBounds, 'of' | 'ofLeast' | 'outputBytes'>;
  /** Absent: it takes no texts. */
  readonly texts: TextCalls | undefined;
  /** What the encoder engine that computes its texts takes of memory; the graph itself is not loaded then. Undefined: the runtime computes them. */
  readonly encoderBytes: number | undefined;
}
