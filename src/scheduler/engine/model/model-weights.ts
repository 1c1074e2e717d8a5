/** Weights of a model that a job works with. They lie in the memory of each of its nodes, and are a part of what it asks for there. */
export interface ModelWeights {
  readonly model: string;
  readonly memoryMib: number;
  /** To load them onto a node that has not got them. */
  readonly loadMs: number;
}
