import type { Outcome } from '../contract/api/outcome.ts';
import type { NamedTensor } from './tensor.ts';

/** One loaded ONNX graph. */
export interface GraphRunner {
  /** Answers the outputs of these names, in their order. What the runtime cannot do with these inputs is refused. */
  run(inputs: readonly NamedTensor[], outputs: readonly string[]): Promise<Outcome<readonly NamedTensor[]>>;
  /** Gives its memory back; it is not run again. */
  release(): Promise<void>;
  /** The runtime gave up the memory of all its graphs, this one's too: runs answer `unavailable`, and the graph has to be loaded again. */
  readonly isLost: boolean;
}

/** An ONNX file, and the files that have constants of it, by the names that it calls them. */
export interface GraphFiles {
  readonly graph: Uint8Array<ArrayBuffer>;
  readonly external: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/** Loads a graph that `checkGraph` has passed. Refuses what the runtime cannot load. */
export type StartGraph = (files: GraphFiles) => Promise<Outcome<GraphRunner>>;
