import type { SparseLeg, TextLeg, VectorLeg } from './legs.ts';

export type LegOfIndex = VectorLeg | TextLeg | SparseLeg;

/** What a field says of how it is searched. */
interface SearchedField {
  readonly kind: string;
  readonly model?: string | null;
}

/** The legs by which an index is searched for a text alone: near its vector if it has a model, by words, then by its fields with a model. [TX264] */
export function legsOfIndex(hasModel: boolean, fields: Readonly<Record<string, SearchedField>>, text: string): LegOfIndex[] {
  const named = Object.entries(fields);
  const withModel = (kind: string): string[] =>
    named.flatMap(([field, one]) => (one.kind === kind && (one.model ?? null) !== null ? [field] : []));
  return [
    ...(hasModel ? [{ kind: 'vector', field: '', text, exact: false } as const] : []),
    ...(named.some(([, { kind }]) => kind === 'text') ? [{ kind: 'text', text } as const] : []),
    ...withModel('vector').map((field) => ({ kind: 'vector', field, text, exact: false }) as const),
    ...withModel('sparse').map((field) => ({ kind: 'sparse', field, text }) as const),
  ];
}
