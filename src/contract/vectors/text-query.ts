import * as z from 'zod';
export type TextQuery = string | { readonly should: readonly TextQuery[] };
export const textQuery = z.string().min(1).max(1000) as unknown as z.ZodType<TextQuery, unknown>;
