import * as z from 'zod/mini';
import { addMethods } from '../gateway/lean-zod.ts';

// As in the gateway, and the kinds of schemas that only calls of the control Worker have.

export * from '../gateway/lean-zod.ts';
export { discriminatedUnion, record, url } from 'zod/mini';

/** Only replies have formatted times, and their schemas are never made here. */
export const iso = undefined;

addMethods([z.ZodMiniRecord, z.ZodMiniURL, z.ZodMiniDiscriminatedUnion]);
