import { floatsOf } from '../../../src/inference/build/graph/onnx-graph.ts';
import { must } from '../../../src/kernel/assert.ts';
import { Failure, UsageError } from '../command.ts';
import { startGraph } from './graph-session.ts';
import type { ModelFolder } from './model-folder.ts';
import { writeOnnxGraph } from './onnx-graph-file.ts';
import { textInputs } from './text-inputs.ts';

/** Vectors of texts, row-major, as the runtime of the edge computes them. */
export interface Embedded {
  readonly dimensions: number;
  readonly vectors: Float32Array;
}

export interface TextEmbedder {
  embed(texts: readonly string[]): Promise<Embedded>;
  close(): Promise<void>;
}

/** Starts the model of a folder as an embedder of texts. */
export async function textEmbedder(folder: ModelFolder): Promise<TextEmbedder> {
  const feedsOfText = textInputs(folder);
  if (feedsOfText === undefined) throw new UsageError(`${folder.root} has no tokeniser that is known, so it cannot embed texts.`);
  const output = folder.graph.outputs[0] ?? '';
  const session = await startGraph(writeOnnxGraph(folder.graph)).catch((error: unknown) => {
    throw new Failure(`the runtime cannot run ${folder.graphPath}: ${error instanceof Error ? error.message : String(error)}`);
  });
  return {
    async embed(texts) {
      const rows: Float32Array[] = [];
      for (const text of texts) {
        const answers = await session.run(feedsOfText(text));
        rows.push(floatsOf(must(answers[output], 'a run answers every output')));
      }
      const dimensions = rows[0]?.length ?? 0;
      const vectors = new Float32Array(rows.length * dimensions);
      rows.forEach((row, i) => vectors.set(row, i * dimensions));
      return { dimensions, vectors };
    },
    close: () => session.close(),
  };
}
