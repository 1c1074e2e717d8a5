import type { AnalysisSettings } from './analysis.ts';

/** A text field: searched by its terms (BM25). */
export interface TextField {
  readonly kind: 'text';
  readonly analysis: AnalysisSettings;
  /** Multiplies the field's scores; positive. */
  readonly weight: number;
  /** Where a row has its value: under the field's name among its `fields`, or as the row's own `text`. */
  readonly source: 'field' | 'text';
}

/** A sparse vector: numbers by dimension, most of which are absent. */
export interface SparseField {
  readonly kind: 'sparse';
  /** Whether the weights of a query's dimensions are multiplied by their inverse document frequency. */
  readonly idf: boolean;
  /** The sparse encoder that makes the vectors of texts. */
  readonly model: string | null;
}

/** Several vectors a row, compared by MaxSim (late interaction). */
export interface MultiVectorField {
  readonly kind: 'multi_vector';
  /** Of each vector. */
  readonly dimensions: number;
  /** The encoder whose token vectors stand for texts. */
  readonly model: string | null;
}

export type IndexField = TextField | SparseField | MultiVectorField;

/** What an index has besides its dense vector, which is the field `""`. */
export type IndexFields = Readonly<Record<string, IndexField>>;
