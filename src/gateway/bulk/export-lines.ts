import type { VectorColumns } from '../../ann/shard-protocol.ts';
import { float32Text } from '../../kernel/float32-text.ts';

/** Vectors as lines. Metadata is stored as JSON of one line, and sent as stored: parsing would change numbers that no double holds. */
export function exportLines({ ids, values, metadata, texts }: VectorColumns, namespace: string, dimensions: number): string {
  const place = namespace === '' ? [] : [`"namespace":${JSON.stringify(namespace)}`];
  return ids
    .map((id, i) => {
      const text = texts?.[i] ?? null;
      const fields = [
        `"id":${JSON.stringify(id)}`,
        ...place,
        ...(values === null ? [] : [`"values":${float32Text(values.subarray(i * dimensions, (i + 1) * dimensions))}`]),
        ...(metadata === null ? [] : [`"metadata":${metadata[i] ?? 'null'}`]),
        ...(text === null ? [] : [`"text":${JSON.stringify(text)}`]),
      ];
      return `{${fields.join(',')}}\n`;
    })
    .join('');
}
