import type { GraphStep } from './graph-step.ts';
import type { GraphValue } from './graph-value.ts';

/** What is known of an operator's outputs. Undefined: nothing. */
export type ShapeRule = (step: GraphStep) => readonly GraphValue[] | undefined;
